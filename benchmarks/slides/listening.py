"""pynetdicom as it comes: ``python -m benchmarks.slides.listening FOLDER PORT``."""

import signal
import sys
from pathlib import Path

from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage
from pynetdicom import AE, evt


def main(folder: Path, port: int) -> None:
    """Keep what comes, each as one file, until killed."""

    def store(event: evt.Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        ds.save_as(folder / "received.dcm", enforce_file_format=True)
        return 0x0000

    ae = AE("HOICHAN")
    ae.add_supported_context(VLWholeSlideMicroscopyImageStorage, JPEGBaseline8Bit)
    ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
