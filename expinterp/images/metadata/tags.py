"""Numbers of TIFF and EXIF fields.

Source: CIPA DC-008 (Exif 2.32), TIFF 6.0.
"""

PROCESSING_SOFTWARE, SOFTWARE = 0x000B, 0x0131
IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE = 0x0100, 0x0101, 0x0102
COMPRESSION, PHOTOMETRIC, EXTRA_SAMPLES = 0x0103, 0x0106, 0x0152
STRIP_OFFSETS, STRIP_BYTE_COUNTS, ROWS_PER_STRIP = 0x0111, 0x0117, 0x0116
SAMPLES_PER_PIXEL, PLANAR_CONFIGURATION, SAMPLE_FORMAT = 0x0115, 0x011C, 0x0153
DESCRIPTION, MAKE, MODEL = 0x010E, 0x010F, 0x0110
ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
THUMBNAIL_START, THUMBNAIL_LENGTH = 0x0201, 0x0202
XMP_PACKET, ICC_PROFILE = 0x02BC, 0x8773
EXPOSURE_TIME, F_NUMBER = 0x829A, 0x829D
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY = 0x8769, 0x8825, 0xA005
INTEROP_INDEX = 0x0001
SUBDIRECTORIES = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY}
BELOW = {EXIF_DIRECTORY: {GPS_DIRECTORY, INTEROP_DIRECTORY}}  # pointers in a subdirectory
ISO, EXPOSURE_INDEX, ISO_SPEED = 0x8827, 0x8832, 0x8833
SHUTTER_SPEED, APERTURE, EXPOSURE_BIAS = 0x9201, 0x9202, 0x9204
MAKER_NOTE = 0x927C
ORIGINAL, DIGITISED = 0x9003, 0x9004
FOCAL_LENGTH, EXPOSURE_MODE, SERIAL_NUMBER = 0x920A, 0xA402, 0xA431
LARGEST_BIAS = 15.0  # stops of exposure compensation; more is damage
PIXEL_COLS, PIXEL_ROWS = 0xA002, 0xA003
SENSITIVITY_TYPE, OUTPUT_SENSITIVITY = 0x8830, 0x8831
DNG_VERSION, SUB_DIRECTORIES = 0xC612, 0x014A

_OF_RAW = (
    range(0x828D, 0x828F),  # the colour filter array, TIFF/EP
    range(0x7000, 0x7900),  # raw data of Sony
    range(DNG_VERSION, 0xC7EF),
    range(0xCD2B, 0xCD50),  # DNG 1.6 and 1.7
)


def bias_as_fraction(bias: float) -> tuple[int, int]:
    """Write an exposure compensation in stops as cameras do: in sixths if it is one, else 1/100.

    Examples
    --------
    >>> bias_as_fraction(-0.667), bias_as_fraction(0.75)
    ((-4, 6), (75, 100))
    """
    sixths = round(6 * bias)
    return (sixths, 6) if abs(sixths / 6 - bias) < 0.01 else (round(100 * bias), 100)


def is_of_raw_or_layout(tag: int) -> bool:
    """Return whether a tag describes the data of a raw file, or pictures elsewhere in a file."""
    return tag == SUB_DIRECTORIES or any(tag in tags for tags in _OF_RAW)
