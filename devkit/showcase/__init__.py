"""A believable account: connections, segments of invented people, exports and runs in every state.

`fill(stack)` makes it through the app's API, for the screenshots of the documentation and for tests of the portal.
"""

from devkit.showcase.filling import Showcase, fill

__all__ = ["Showcase", "fill"]
