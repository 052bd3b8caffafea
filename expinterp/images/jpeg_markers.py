"""Second bytes of the markers of a JPEG, and bounds for reading them.

Source: ITU-T T.81, table B.1.
"""

START_OF_SCAN, END, INTERVAL, TABLES = 0xDA, 0xD9, 0xDD, 0xDB
APP1, COMMENT = 0xE1, 0xFE
RESTARTS = range(0xD0, 0xD8)
ALONE = {0x01, 0xD8, *RESTARTS}  # without a length
LS = 0xF7
FRAMES = {*range(0xC0, 0xD0), LS} - {0xC4, 0xC8, 0xCC}
MOST_SEGMENTS = 10_000  # a profile or XMP packet of 16 MiB has 255
MOST_SKIPPED = 1 << 20  # bytes before a marker that belong to no segment
