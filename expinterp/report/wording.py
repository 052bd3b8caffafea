"""Numbers in words, as photographers read them."""

from __future__ import annotations

import math
from datetime import datetime

from expinterp.text import rounded


def exposure_time(seconds: float | None) -> str:
    """Write an exposure time; nothing if it is not known.

    Examples
    --------
    >>> exposure_time(1 / 30), exposure_time(0.4), exposure_time(2.5), exposure_time(None)
    ('1/30 s', '0.4 s', '2.5 s', '')
    """
    if not seconds or seconds < 0:
        return ""
    if seconds < 0.3:
        return f"1/{1 / seconds:,.0f} s"
    return f"{rounded(seconds, 3)} s"


def stops(ratio: float | None) -> str:
    """Write an exposure ratio, in stops too; nothing if it is not known.

    Examples
    --------
    >>> stops(16.0), stops(None)
    ('16:1 (4.0 EV)', '')
    """
    if not ratio or ratio < 0:
        return ""
    return f"{rounded(ratio, 3)}:1 ({math.log2(ratio):.1f} EV)"


def duration(seconds: float | None) -> str:
    """Write a duration; nothing if it is not known.

    Examples
    --------
    >>> duration(0.021), duration(4.26), duration(75), duration(3 * 3600 + 120)
    ('21 ms', '4.3 s', '1 min 15 s', '3 h 2 min')
    """
    if seconds is None or seconds < 0:
        return ""
    if seconds < 0.95:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def moment(when: str) -> str:
    """Write a date and time given in ISO 8601; other text stays as it is.

    Examples
    --------
    >>> moment("2026-11-23T14:02:19.375908+00:00"), moment("noon")
    ('2026-11-23 14:02:19', 'noon')
    """
    try:
        return f"{datetime.fromisoformat(when.replace('Z', '+00:00')):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return when


def share(part: float | None) -> str:
    """Write a share as a percentage; nothing if it is not known.

    Examples
    --------
    >>> share(0.19733), share(0.0036), share(0.0)
    ('20 %', '0.36 %', '0 %')
    """
    return "" if part is None else f"{rounded(100 * part, 2)} %"


def count(number: int, one: str) -> str:
    """Count things in words.

    Examples
    --------
    >>> count(1, "file"), count(2_000, "file")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {one if number == 1 else one + 's'}"
