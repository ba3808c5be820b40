"""Streamlit component loaders outside, one TypeScript bundle inside; knows DICOMweb URLs only."""

from viewers._component import DIST, BundleMissing, asset, mount, page
from viewers.entries import entries_of

__all__ = ["DIST", "BundleMissing", "asset", "entries_of", "mount", "page"]
