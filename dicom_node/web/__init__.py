"""DICOMweb: search, retrieve and store over HTTP; and slides, tile by tile."""

from dicom_node.web.app import dicomweb_app
from dicom_node.web.doorkeeper import Doorkeeper
from dicom_node.web.settings import WebSettings
from dicom_node.web.slides import slides_app

__all__ = ["Doorkeeper", "WebSettings", "dicomweb_app", "slides_app"]
