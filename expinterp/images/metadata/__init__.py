"""Metadata of image files: EXIF, XMP, IPTC, colour profiles."""
