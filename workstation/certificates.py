"""Whether the certificates of our TLS port, and of our calls, can be used, and for how long."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from dicom_node.tls import TlsFault, TlsUnusable, server_context
from plugins.nouns import Text
from workstation.findings import Finding
from workstation.peers import client_tls, server_tls
from workstation.settings import Settings, SettingsError

__all__ = ["examined", "require_usable", "unusable"]

SOON = timedelta(days=30)


_FAULTS = {
    TlsFault.UNREADABLE: "không đọc được",
    TlsFault.NOT_PEM: "không phải tệp PEM chứa chứng chỉ, hoặc khóa không có mật khẩu",
    TlsFault.WRONG_KEY: "không phải khóa của chứng chỉ",
}


def require_usable(settings: Settings) -> None:
    """Pass when the listener can use its files. One that has expired passes: images still come.

    Raises
    ------
    SettingsError
    """
    tls = server_tls(settings)
    try:
        if tls is not None:
            server_context(tls)
    except TlsUnusable as error:
        raise unusable(error) from None


def unusable(error: TlsUnusable) -> SettingsError:
    """The same as the sentence that ends a command."""
    said = _said(error)
    return SettingsError(said.vi, said.en)


def examined(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Look at the files of TLS; nothing is said where none is configured."""
    now = now or datetime.now(UTC)
    tls = server_tls(settings)
    try:
        if tls is not None:
            server_context(tls)
        elif settings.dicom_tls_key is not None or settings.dicom_tls_client_ca is not None:
            yield Finding(
                False,
                Text(
                    "Có dicom_tls_key hoặc dicom_tls_client_ca mà không có dicom_tls_certificate: "
                    "cổng TLS không mở.",
                    "dicom_tls_key or dicom_tls_client_ca is given without dicom_tls_certificate: "
                    "there is no TLS port.",
                ),
            )
            return
        if settings.dicom_tls_ca is not None:
            client_tls(settings).context()
    except TlsUnusable as error:
        yield Finding(False, _said(error))
        return
    if tls is not None:
        yield _lasting(tls.certificate, now)
    for ca in (settings.dicom_tls_client_ca, settings.dicom_tls_ca):
        if ca is not None:
            yield _lasting(ca, now)


def _lasting(path: Path, now: datetime) -> Finding:
    """How long the first certificate of a usable file lasts."""
    made = x509.load_pem_x509_certificates(path.read_bytes())[0]
    begins, ends = made.not_valid_before_utc, made.not_valid_after_utc
    until = f"{ends:%Y-%m-%d}"
    if now < begins:
        return Finding(
            False,
            Text(
                f"Chứng chỉ TLS {path} chỉ có hiệu lực từ {begins:%Y-%m-%d}.",
                f"The TLS certificate {path} is valid only from {begins:%Y-%m-%d} on.",
            ),
        )
    if now > ends:
        return Finding(
            False,
            Text(
                f"Chứng chỉ TLS {path} đã hết hạn ngày {until}.",
                f"The TLS certificate {path} expired on {until}.",
            ),
        )
    if ends - now < SOON:
        return Finding(
            False,
            Text(
                f"Chứng chỉ TLS {path} sắp hết hạn: {until}.",
                f"The TLS certificate {path} expires soon: {until}.",
            ),
            warning=True,
        )
    return Finding(
        True,
        Text(
            f"Chứng chỉ TLS {path} còn hiệu lực đến {until}.",
            f"The TLS certificate {path} is valid until {until}.",
        ),
    )


def _said(error: TlsUnusable) -> Text:
    what = error.path or "chứng chỉ ghim"
    return Text(f"TLS cho DICOM: {what} {_FAULTS[error.fault]}.", f"DICOM TLS: {error}.")
