"""Why a file does not become a slide, in words for the one who sent it."""

from dicom_node.errors import DicomNodeError

__all__ = ["ConversionRefused", "damaged", "refuse"]


class ConversionRefused(DicomNodeError):
    """The file cannot become a slide; another try with the same file will not help.

    Parameters
    ----------
    code : str
        One of the keys of `WORDS`; stable for machines.
    vi, en : str
        One sentence in each language, without a patient's name.
    """

    http_status = 422

    def __init__(self, code: str, vi: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.vi = vi
        self.en = en


WORDS: dict[str, tuple[str, str]] = {
    "not_a_slide": (
        "Tệp không phải ảnh tiêu bản số mà hệ thống đọc được ({what}).",
        "The file is not a slide image that can be read ({what}).",
    ),
    "damaged": (
        "Tệp bị hỏng hoặc sao chép thiếu: {what}. Hãy chép lại từ máy quét rồi gửi lại.",
        "The file is damaged or was copied incompletely: {what}. "
        "Copy it from the scanner again and send it again.",
    ),
    "compression": (
        "Ảnh được nén theo cách chưa hỗ trợ ({what}). Hãy xuất lại từ máy quét dạng JPEG.",
        "The image is compressed in a way that is not supported ({what}). "
        "Export it from the scanner as JPEG.",
    ),
    "pixels": (
        "Loại điểm ảnh chưa được hỗ trợ ({what}); hệ thống đọc ảnh màu 8 bit, ảnh xám 8 và 16 bit.",
        "This kind of pixels is not supported ({what}); "
        "colour with 8 bits and grey with 8 or 16 bits are.",
    ),
    "timelapse": (
        "Tệp là chuỗi ảnh theo thời gian ({what} thời điểm), không phải tiêu bản; "
        "hãy xuất riêng một thời điểm.",
        "The file is a series in time ({what} points), not a slide; export one point of it.",
    ),
    "too_large": (
        "Kích thước khai trong tệp vượt giới hạn ({what}).",
        "The file claims a size above the limit ({what}).",
    ),
    "scale": (
        "Tệp không ghi kích thước điểm ảnh nên mọi phép đo sẽ sai; hãy nhập số µm/điểm ảnh.",
        "The file does not say how large a pixel is, so every measurement would be wrong; "
        "enter the micrometres a pixel.",
    ),
    "no_patient": (
        "Thiếu mã và họ tên người bệnh: tiêu bản chưa biết của ai.",
        "Patient ID and name are missing: nobody said whose slide it is.",
    ),
    "no_study": (
        "Không tìm thấy lần chụp đã chọn ở cơ sở của bạn.",
        "Your hospital holds no such study.",
    ),
    "blank": (
        "Ảnh giải mã ra toàn một màu dù tệp có dữ liệu; tệp có thể bị hỏng ({what}).",
        "The image decodes to a single colour although the file holds data; "
        "it may be damaged ({what}).",
    ),
    "limits": (
        "Việc chuyển đổi đã bị dừng vì vượt giới hạn ({what}).",
        "The conversion was stopped at a limit ({what}).",
    ),
    "failed": (
        "Chương trình chuyển đổi dừng đột ngột ({what}); tệp có thể bị hỏng.",
        "The converter ended unexpectedly ({what}); the file may be damaged.",
    ),
    "cancelled": ("Đã huỷ.", "Cancelled."),
    "not_equal": (
        "Bản chuyển đổi không khớp với tệp gốc ({what}); đã bỏ bản chuyển đổi.",
        "The converted slide does not equal the original ({what}); it was thrown away.",
    ),
    "unsafe_archive": (
        "Không mở gói nén này vì lý do an toàn: {what}.",
        "This archive is not opened, for safety: {what}.",
    ),
    "empty_archive": (
        "Trong gói không có tệp DICOM hay ảnh tiêu bản nào.",
        "There is neither a DICOM file nor a slide in the archive.",
    ),
}


def refuse(code: str, what: str = "", what_vi: str = "") -> ConversionRefused:
    """The refusal `code`, with `what` in both sentences; `what_vi` where the words differ."""
    vi, en = WORDS[code]
    return ConversionRefused(code, vi.format(what=what_vi or what), en.format(what=what))


# Vietnamese of what is found damaged, by the English.
_DAMAGES = {
    "a JPEG stream has no scan": "dòng JPEG không có dữ liệu ảnh",
    "a coded tile is no JPEG stream": "một ô ảnh không phải JPEG",
    "a JPEG stream has bytes between its markers": "dòng JPEG có byte lạ giữa các mã đánh dấu",
    "a JPEG stream ends within a marker": "dòng JPEG bị cắt ngang",
    "a JPEG stream does not decode": "dòng JPEG không giải mã được",
    "a tile does not decode": "một ô ảnh không giải mã được",
    "its channels and planes cannot be read": "không đọc được các kênh và mặt tiêu",
    "a tile has another size than its layer says": "một ô ảnh có kích thước khác với khai báo",
}


def damaged(what: str) -> ConversionRefused:
    """The refusal of a file whose bytes do not hold what its structure promises."""
    return refuse("damaged", what, _DAMAGES.get(what, what))
