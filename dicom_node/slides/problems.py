"""What is wrong with a slide, in words for who reads it: (Vietnamese, English)."""

__all__ = [
    "BROKEN_COLOUR",
    "CUT_OFF",
    "DUPLICATE",
    "NO_ORIGIN",
    "NO_PROFILE",
    "NO_SCALE",
    "OFF_GRID",
    "OTHER_AREA",
    "PATH_MISSING",
    "RESAMPLED",
    "UNREADABLE",
    "Problem",
    "not_received",
]

Problem = tuple[str, str]

NO_SCALE: Problem = (
    "Tiêu bản không ghi kích thước điểm ảnh: không đo được và không biết độ phóng đại.",
    "The slide does not say how large a pixel is: no measuring, no magnification.",
)
NO_ORIGIN: Problem = (
    "Tiêu bản không ghi vị trí trên lam kính; tọa độ tính từ góc của ảnh.",
    "The slide does not say where on the glass it lies; coordinates count from the image's corner.",
)
NO_PROFILE: Problem = (
    "Tiêu bản không kèm hồ sơ màu ICC; màu hiển thị chưa được hiệu chuẩn.",
    "The slide has no ICC profile; its colours are not calibrated.",
)
OTHER_AREA: Problem = (
    "Chuỗi ảnh còn chứa một vùng quét khác, không hiển thị ở đây.",
    "The series holds another scanned area as well, which is not shown here.",
)
DUPLICATE: Problem = (
    "Có hai ảnh cùng kích thước của một kênh; chỉ hiển thị ảnh đầu.",
    "Two images of the same size claim the same channel; only the first is shown.",
)
RESAMPLED: Problem = (
    "Mức nét nhất hiện có là bản lấy mẫu lại từ ảnh gốc lớn hơn; ảnh gốc không có ở đây.",
    "The sharpest level here is a resampled one; the larger original is not here.",
)
OFF_GRID: Problem = (
    "Một số ô ảnh không nằm trên lưới nên không hiển thị được.",
    "Some tiles do not lie on the grid and cannot be shown.",
)
CUT_OFF: Problem = (
    "Một tệp ảnh bị cắt cụt: một số ô ảnh không có dữ liệu.",
    "An image file is cut off: some tiles have no data.",
)
PATH_MISSING: Problem = (
    "Một kênh không có đủ ở mọi mức phóng đại.",
    "A channel is not there at every magnification.",
)
BROKEN_COLOUR: Problem = (
    "Dữ liệu JPEG khai không gian màu khác với tiêu đề; màu có thể sai.",
    "The JPEG data claim another colour space than the header; colours may be wrong.",
)
UNREADABLE: Problem = (
    "Một ảnh của tiêu bản không đọc được nên bị bỏ qua.",
    "One image of the slide cannot be read and is left out.",
)


def not_received(missing: int) -> Problem:
    """So many tiles have not come yet."""
    return (
        f"Còn {missing} ô ảnh chưa nhận được.",
        f"{missing} tiles have not been received yet.",
    )
