"""JPEG XL: header, colours and pixels."""

from expinterp.images.codecs.jxl.colours import colours_of_profile
from expinterp.images.codecs.jxl.header import parse_header
from expinterp.images.codecs.jxl.pixels import decode, encode, read_header

__all__ = ["colours_of_profile", "decode", "encode", "parse_header", "read_header"]
