import type { Catalogue } from "@common/i18n";

export const TEXTS = {
  title: { vi: "Kết quả tính toán", en: "Computed results" },
  loading: { vi: "Đang lấy kết quả…", en: "Fetching results…" },
  none: { vi: "Chưa có kết quả tính toán nào cho ca này.", en: "Nothing has been computed for this case." },
  support: { vi: "HỖ TRỢ QUYẾT ĐỊNH – không thay chẩn đoán", en: "DECISION SUPPORT – not a diagnosis" },
  start: { vi: "Tính: {name}", en: "Compute: {name}" },
  retry: { vi: "Thử lại", en: "Try again" },

  // states
  due: { vi: "Chờ tính", en: "Waiting" },
  running: { vi: "Đang tính", en: "Computing" },
  computed: { vi: "Máy tính – chưa xác nhận", en: "Computed – not confirmed" },
  edited: { vi: "Đã sửa – chưa xác nhận", en: "Edited – not confirmed" },
  confirmed: { vi: "Đã xác nhận", en: "Confirmed" },
  failed: { vi: "Không tính được", en: "Failed" },
  cancelled: { vi: "Đã dừng", en: "Stopped" },
  confirmed_by: { vi: "{name} xác nhận lúc {when}", en: "Confirmed by {name}, {when}" },
  old_numbers: { vi: "Đang tính lại: số liệu dưới đây là của lần trước.", en: "Computing again: the numbers below are the previous ones." },
  cancel: { vi: "Dừng", en: "Stop" },

  // quality
  green: { vi: "Chất lượng: đạt", en: "Quality: good" },
  amber: { vi: "Chất lượng: cần thận trọng", en: "Quality: take care" },
  red: { vi: "Chất lượng: KHÔNG ĐẠT", en: "Quality: NOT ACCEPTABLE" },
  hidden: { vi: "Số liệu và lớp phủ được giấu vì chất lượng không đạt.", en: "Numbers and overlays are hidden because the quality is not acceptable." },
  reveal: { vi: "Vẫn xem số liệu", en: "Show them anyway" },
  withheld: { vi: "Còn giữ ở máy chủ: {what} và số đo của chúng, để máy không dẫn mắt người đọc trước khi tự chấm {name}.", en: "Kept on the server: {what} and their numbers, so that the arithmetic does not lead your eye before you have scored {name} yourself." },
  score_now: { vi: "Chấm {name}", en: "Score {name}" },
  score_not: { vi: "Không chấm {name}, hiện ngay", en: "Do not score {name}, show now" },
  why_series: { vi: "Loạt ảnh dùng:", en: "Series used:" },
  other_series: { vi: "Tính trên loạt khác", en: "Compute on another series" },
  series_keep: { vi: "Loạt đang dùng", en: "The series in use" },

  // values
  values: { vi: "Số đo", en: "Measurements" },
  how: { vi: "Cách tính", en: "How" },
  not_measurable: { vi: "không đo được", en: "not measurable" },
  interval: { vi: "KTC 95 %: {low}–{high}", en: "95 % CI {low}–{high}" },
  reject: { vi: "Loại bỏ", en: "Reject" },
  restore: { vi: "Lấy lại", en: "Restore" },
  rejected: { vi: "đã loại", en: "rejected" },
  show_it: { vi: "Đến ảnh", en: "Show" },

  // controls
  controls: { vi: "Tham số", en: "Parameters" },
  on: { vi: "bật", en: "on" },
  off: { vi: "tắt", en: "off" },

  // layers
  layers: { vi: "Lớp phủ trên ảnh", en: "Layers over the image" },
  opacity: { vi: "Độ đậm", en: "Opacity" },
  brush: { vi: "Sửa bằng bút", en: "Edit with a brush" },
  brush_add: { vi: "Tô thêm", en: "Add" },
  brush_erase: { vi: "Tẩy bớt", en: "Erase" },
  brush_size: { vi: "Bán kính {mm} mm", en: "Radius {mm} mm" },
  brush_hint: { vi: "Kéo trên ảnh. Con lăn vẫn lướt lát cắt. Esc để thôi.", en: "Drag on the image. The wheel still scrolls. Esc to stop." },
  maps: { vi: "Bản đồ", en: "Maps" },
  map_show: { vi: "Phủ bản đồ này lên ảnh", en: "Lay this map over the image" },

  // handles
  handles: { vi: "Điểm và đường có thể kéo", en: "Points and lines to drag" },
  show_handles: { vi: "Hiện trên ảnh", en: "Show on the image" },
  list_handles: { vi: "Danh sách ({n})", en: "List ({n})" },
  pick: { vi: "Chọn lại", en: "Pick again" },
  pick_hint: { vi: "Nhấp vào ảnh để đặt “{name}”. Esc để thôi.", en: "Click in the image to place “{name}”. Esc to stop." },
  moved: { vi: "đã sửa", en: "moved" },
  free: { vi: "Về chỗ máy đặt", en: "Back to the computed place" },
  handle_hint: { vi: "Kéo trên ảnh, hoặc chọn điểm rồi dùng phím mũi tên.", en: "Drag in the image, or focus a point and use the arrow keys." },

  // charts, tables, steps
  steps: { vi: "Các bước đã làm", en: "Steps taken" },
  seconds: { vi: "{s} s", en: "{s} s" },
  version: { vi: "Phần mềm {version}", en: "Software {version}" },

  // foot
  undo: { vi: "Hoàn tác sửa", en: "Undo edit" },
  discard: { vi: "Bỏ mọi chỉnh sửa", en: "Drop all edits" },
  confirm: { vi: "Xác nhận kết quả…", en: "Confirm result…" },
  reopen: { vi: "Mở lại để sửa", en: "Reopen" },
  confirm_title: { vi: "Xác nhận “{name}”", en: "Confirm “{name}”" },
  confirm_words: { vi: "Tôi, {reader}, đã xem ảnh gốc và chịu trách nhiệm về các số liệu này. Chỉ kết quả đã xác nhận mới vào ý kiến và được gửi đi.", en: "I, {reader}, have looked at the original images and answer for these numbers. Only a confirmed result enters the opinion and leaves this house." },
  confirm_red: { vi: "Chất lượng KHÔNG ĐẠT. Tôi đã đọc các lý do trên và vẫn xác nhận.", en: "The quality is NOT ACCEPTABLE. I have read the reasons above and still confirm." },
  confirm_now: { vi: "Tôi xác nhận", en: "I confirm" },
  back: { vi: "Quay lại", en: "Back" },
  needs_final: { vi: "Cần khóa lượt đọc kết luận trước khi xác nhận.", en: "Lock the final read before confirming." },
  needs_nothing: { vi: "Đã chọn không chấm điểm: không cần xác nhận.", en: "Not scored: nothing to confirm." },
  needs_read: { vi: "Còn phần đang giữ lại: hãy tự chấm điểm, hoặc chọn không chấm.", en: "A part is withheld: score on your own, or decline to." },
  needs_reveal: { vi: "Hãy xem số liệu trước khi xác nhận.", en: "Look at the numbers before confirming." },
} as const satisfies Catalogue<string>;

export type TextKey = keyof typeof TEXTS;
