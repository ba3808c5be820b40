"""Streamlit component loaders outside, one TypeScript bundle inside; knows DICOMweb URLs only."""

from viewers._component import BundleMissing, asset, mount, page

__all__ = ["BundleMissing", "asset", "mount", "page"]
