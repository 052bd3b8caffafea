"""Any text at all, and what has broken markup before."""

from __future__ import annotations

from hypothesis import strategies as st
from report_samples import ODD_NAME

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["</script>", "<!--", "]]>", "'\"><img src=x>", "&amp;", "\u202e", "\0", "\ud800", "\uffff", "a\r\nb", ODD_NAME]
)  # fmt: skip
