"""The printed opinion: readable, archival, the same every time, whatever is typed."""

import re
import subprocess
import unicodedata
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom.dataset import Dataset

from dicom_node.objects import DocumentKind, KeyImage, Passage, opinion_pdf
from dicom_node.objects.typeface import MISSING, coverage, printable
from plugins.testing import ct_header
from tests.dicom_node.objects.conftest import AUTHOR, signed_opinion
from tests.dicom_node.objects.judges import pdf_text


def flat(text: str) -> str:
    """One line, NFC: layout and the normal form of the extractor do not matter."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def picture(colour: str = "navy", form: str = "JPEG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, form)
    return buffer.getvalue()


def test_the_page_says_everything_in_vietnamese(tmp_path: Path) -> None:
    opinion = signed_opinion(ct_header(PatientName="NGUYỄN^THỊ HỒNG PHƯỢNG"))

    text = flat(pdf_text(opinion_pdf(opinion), tmp_path))

    for part in (
        "PHIẾU TRẢ LỜI HỘI CHẨN TỪ XA",
        "Bệnh viện Đa khoa Trung ương",
        "Bệnh viện Đa khoa huyện A",
        "Ý kiến tư vấn — bác sĩ điều trị quyết định và chịu trách nhiệm.",
        "Kết luận chính thức",
        "Phiên bản 1",
        "HC-2026-000123",
        "NGUYỄN THỊ HỒNG PHƯỢNG",
        "02/01/1960",
        "Nữ",
        "Nghi đột quỵ não",
        "Tăng huyết áp 10 năm",
        "Có chảy máu không?",
        "Không thấy chảy máu.",
        "Giảm tỷ trọng vùng chẩm trái.",
        "Nhồi máu não.",
        "Khác biệt nhỏ",
        "Đề nghị chuyển khẩn",
        "Độ dài 10,0 mm",
        "Diện tích 100,0 mm²",
        "probe 1.2",
        "Vùng nhồi máu",
        "xác nhận điện tử",
        "TS. Nguyễn Văn An",
        "001234/BYT",
        "10:04, ngày 23 tháng 11 năm 2026",
        "ab" * 16,
        "Trang 1 / 2",
    ):
        assert part in text, part
    assert "chữ ký số" not in text
    assert MISSING not in text


def test_an_english_page_is_english(tmp_path: Path) -> None:
    text = flat(pdf_text(opinion_pdf(signed_opinion(ct_header(), language="en")), tmp_path))

    for part in (
        "PATIENT",
        "Advisory opinion",
        "electronic confirmation",
        "Length 10.0 mm",
        "Page 1",
    ):
        assert part in text
    assert "Ý kiến tư vấn" not in text


def test_a_preliminary_page_says_so(tmp_path: Path) -> None:
    opinion = signed_opinion(ct_header(), kind=DocumentKind.PRELIMINARY)

    text = flat(pdf_text(opinion_pdf(opinion), tmp_path))

    assert "Kết luận sơ bộ — có thể thay đổi trong kết luận chính thức." in text


def test_an_amended_page_says_what_was_wrong(tmp_path: Path) -> None:
    opinion = signed_opinion(
        ct_header(), kind=DocumentKind.AMENDED, version=3, reason="Nhầm bên: tổn thương bên trái."
    )

    text = flat(pdf_text(opinion_pdf(opinion), tmp_path))

    assert "Báo cáo sửa đổi" in text
    assert "Sửa đổi và thay thế phiên bản 2. Nhầm bên: tổn thương bên trái." in text


def test_the_file_is_pdf_a_and_carries_its_fonts(tmp_path: Path) -> None:
    pdf = opinion_pdf(signed_opinion(ct_header()))
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf)

    assert re.search(rb"pdfaid:part>2<", pdf)
    assert re.search(rb"pdfaid:conformance>A<", pdf)
    fonts = subprocess.run(["/usr/bin/pdffonts", str(path)], capture_output=True, check=True)
    lines = fonts.stdout.decode().splitlines()[2:]
    assert lines
    for line in lines:
        assert "NotoSans" in line or "DejaVuSansMono" in line
        # the columns emb, sub, uni: embedded, subset, with a map back to Unicode
        assert re.search(r"\byes\s+yes\s+yes\b", line), line


def test_the_same_opinion_prints_the_same_bytes() -> None:
    opinion = signed_opinion(ct_header())

    assert opinion_pdf(opinion) == opinion_pdf(opinion)
    assert opinion_pdf(opinion) != opinion_pdf(replace(opinion, content_hash="cd" * 32))


def test_text_is_never_markup(tmp_path: Path) -> None:
    nasty = '#panic("x") *đậm* $x^2$ @ref <b> \\ // `code` = tiêu đề'
    opinion = signed_opinion(ct_header(), passages=(Passage("Mô tả", nasty),))

    assert nasty in flat(pdf_text(opinion_pdf(opinion), tmp_path))


def test_a_very_long_opinion_flows_over_pages_and_loses_nothing(tmp_path: Path) -> None:
    words = " ".join(f"câu{number}" for number in range(9000))
    base = signed_opinion(ct_header())
    opinion = replace(
        base,
        passages=(Passage("Mô tả", words),),
        marks=(replace(base.marks[0], text=words),),
    )

    text = pdf_text(opinion_pdf(opinion), tmp_path)

    for number in (0, 4500, 8999):
        assert len(re.findall(rf"\bcâu{number}\b", text)) == 2


def test_letters_without_a_glyph_are_boxes_and_the_page_says_so(tmp_path: Path) -> None:
    opinion = signed_opinion(
        ct_header(PatientName="=山田^太郎"), passages=(Passage("x", "患者 ok"),)
    )

    text = flat(pdf_text(opinion_pdf(opinion), tmp_path))

    assert f"{MISSING}{MISSING} ok" in text
    assert "bản SR giữ nguyên văn" in text


def test_every_character_said_to_be_printable_is() -> None:
    """PDF/A refuses a character without glyph: one compile tries them all, in each face."""
    everything = "".join(sorted(coverage()))
    base = signed_opinion(ct_header())
    opinion = replace(
        base,
        # strong is bold, a question is italic
        passages=(Passage("Mô tả", everything), replace(base.passages[1], text=everything)),
        answers=(replace(base.answers[0], question=everything, answer=everything),),
    )

    assert opinion_pdf(opinion).startswith(b"%PDF")


def test_vietnamese_needs_no_box() -> None:
    letters = "aăâbcdđeêghiklmnoôơpqrstuưvxy"
    marks = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    every = "".join(
        letter + mark
        for letter in letters
        for mark in marks
        if letter in "aăâeêioôơuưy" or not mark
    )

    assert MISSING not in printable(every + every.upper())


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_key_images_are_printed(form: str, tmp_path: Path) -> None:
    base = signed_opinion(ct_header())
    shown = KeyImage(base.key_images[0].reference, "Ổ máu tụ", picture(form=form))
    path = tmp_path / "page.pdf"
    path.write_bytes(opinion_pdf(replace(base, key_images=(shown,))))

    images = subprocess.run(
        ["/usr/bin/pdfimages", "-list", str(path)], capture_output=True, check=True
    )

    assert "64" in images.stdout.decode()
    assert "Ổ máu tụ" in flat(pdf_text(path.read_bytes(), tmp_path))


def test_a_broken_picture_does_not_keep_the_page_back(tmp_path: Path) -> None:
    base = signed_opinion(ct_header())
    broken = KeyImage(base.key_images[0].reference, "Ổ máu tụ", b"\xff\xd8\xffnot a picture")

    text = pdf_text(opinion_pdf(replace(base, key_images=(broken,))), tmp_path)

    assert "Ổ máu tụ" in flat(text)
    assert base.key_images[0].reference.sop_instance_uid in text


def test_an_empty_header_prints_dashes(tmp_path: Path) -> None:
    text = flat(pdf_text(opinion_pdf(signed_opinion(Dataset())), tmp_path))

    assert "Họ và tên —" in text
    assert AUTHOR.name in text
