"""What the stroke analyses say of quality and refusal, in both languages."""

from typing import Final

from kernels.perfusion.refusal import PerfusionFlag, Refusal
from plugins.nouns import Text

__all__ = ["FLAGS", "MEMORY", "REFUSALS", "SIDES", "Unusable", "comma"]

# the head made ready is the same for all analyses of it
MEMORY: Final = "stroke"


def comma(number: str) -> str:
    """A number as Vietnamese writes it."""
    return number.replace(".", ",")


class Unusable(ValueError):
    """A series the analysis must not make numbers of, with the reason for the reader."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


SIDES: Final = {
    "left": Text("bên trái", "left"),
    "right": Text("bên phải", "right"),
    "midline": Text("đường giữa", "midline"),
}

REFUSALS: Final = {
    Refusal.BASELINE_TOO_SHORT: Text(
        "Quá ít ảnh trước khi thuốc tới.", "Too few images before the contrast came."
    ),
    Refusal.CONTRAST_PRESENT: Text(
        "Đã có thuốc cản quang trước khi bắt đầu ghi.", "Contrast was there before the scan began."
    ),
    Refusal.DUPLICATE_IMAGES: Text(
        "Hai ảnh cùng vị trí và cùng giờ: có thể là hai lần tái tạo.",
        "Two images have one place and one time: perhaps two reconstructions.",
    ),
    Refusal.IMAGES_MISSING: Text(
        "Thiếu ảnh lâu hơn 6 giây.", "Images are missing for more than 6 seconds."
    ),
    Refusal.NO_ARTERY: Text("Không tìm thấy động mạch.", "No artery was found."),
    Refusal.NO_BOLUS: Text("Không thấy thuốc cản quang tới não.", "No contrast reached the brain."),
    Refusal.NO_BRAIN: Text("Không tìm thấy nhu mô não.", "No brain was found."),
    Refusal.NOT_FINITE: Text("Ảnh có giá trị không hợp lệ.", "The images hold invalid values."),
    Refusal.SAMPLING_TOO_COARSE: Text(
        "Ảnh thưa hơn 3,5 giây một lần.", "Images come less often than every 3.5 seconds."
    ),
    Refusal.SINGLE_SLICE: Text("Chỉ có một lát cắt.", "There is only one slice."),
    Refusal.TOO_SHORT: Text("Ghi hình ngắn hơn 40 giây.", "The scan lasts less than 40 seconds."),
    Refusal.WRONG_UNITS: Text(
        "Giá trị hoặc thời gian không đúng đơn vị.", "Values or times are in the wrong units."
    ),
}

FLAGS: Final = {
    PerfusionFlag.ARTERY_CLIPPED: Text(
        "Đường cong động mạch bị cắt đỉnh.", "The arterial curve is clipped."
    ),
    PerfusionFlag.ARTERY_WEAK: Text(
        "Động mạch ngấm thuốc yếu (dưới 100 HU).", "The artery is enhanced by less than 100 HU."
    ),
    PerfusionFlag.CONTRAST_BEFORE: Text(
        "Mạch đã có thuốc trước lần tiêm này.", "Vessels held contrast before this injection."
    ),
    PerfusionFlag.IMAGES_SKIPPED: Text("Thiếu ảnh giữa chừng.", "Images are missing on the way."),
    PerfusionFlag.MOTION: Text(
        "Đầu cử động; ảnh hỏng đã bị loại.", "The head moved; spoilt images were left out."
    ),
    PerfusionFlag.NO_VEIN: Text(
        "Không tìm thấy tĩnh mạch: động mạch chưa hiệu chỉnh thể tích từng phần.",
        "No vein was found: the artery is not corrected for partial volume.",
    ),
    PerfusionFlag.NOISY: Text("Ảnh nhiễu.", "The images are noisy."),
    PerfusionFlag.SLICES_LEFT_OUT: Text(
        "Một số lát bị bỏ vì thiếu ảnh hoặc đã ra khỏi vùng ghi: không thấy hết tổn thương.",
        "Slices were left out, for want of images or for having left the slab: lesions may reach "
        "into them.",
    ),
    PerfusionFlag.SLAB_THIN: Text(
        "Vùng ghi mỏng hơn 40 mm: không thấy hết tổn thương.",
        "The slab is thinner than 40 mm: lesions reach beyond it.",
    ),
    PerfusionFlag.TRUNCATED: Text(
        "Ghi hình kết thúc trước khi thuốc ra hết: lõi có thể bị ước lượng quá lớn.",
        "The scan ended before the contrast left: the core may be overestimated.",
    ),
}
