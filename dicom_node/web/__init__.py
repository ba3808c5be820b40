"""DICOMweb: search, retrieve and store over HTTP."""

from dicom_node.web.app import dicomweb_app
from dicom_node.web.doorkeeper import Doorkeeper
from dicom_node.web.settings import WebSettings

__all__ = ["Doorkeeper", "WebSettings", "dicomweb_app"]
