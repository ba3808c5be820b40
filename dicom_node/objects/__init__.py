"""Builders of valid instances: what a signed opinion becomes when it goes home.

Each builder takes a `SignedOpinion` and an `Identity` and returns a whole data set with file
meta, in UTF-8, of the same study; the same arguments give the same bytes.
"""

import lazy_loader

# What there is stands in __init__.pyi; each module is loaded when first asked for something.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
