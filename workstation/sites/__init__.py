"""Hospitals and their AE titles."""

import lazy_loader

# What there is stands in __init__.pyi; each module is loaded when first asked for something.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
