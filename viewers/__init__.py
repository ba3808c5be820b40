"""Streamlit component loaders outside, one TypeScript bundle inside; knows DICOMweb URLs only."""

from viewers._component import DIST, BundleMissing, asset, mount, page

__all__ = ["DIST", "BundleMissing", "asset", "mount", "page"]
