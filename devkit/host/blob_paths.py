"""The path of a blob trigger, `container/prefix/{name}.csv`: which container it watches and which names it wants."""

import re

_TOKEN = re.compile(r"\{(\w+)\}")


class BlobPath:
    """A parsed path. Without a part after the container it wants every blob."""

    def __init__(self, path: str) -> None:
        self.container, _, template = path.strip("/").partition("/")
        self.prefix = template.partition("{")[0]
        pattern, position, seen = "", 0, set()
        for token in _TOKEN.finditer(template):
            pattern += re.escape(template[position : token.start()])
            # A name that comes twice must stand for the same text in both places.
            pattern += f"(?P={token[1]})" if token[1] in seen else f"(?P<{token[1]}>.+)"
            seen.add(token[1])
            position = token.end()
        self._pattern = re.compile(pattern + re.escape(template[position:]) if template else ".+", re.DOTALL)

    def wants(self, name: str) -> bool:
        return self._pattern.fullmatch(name) is not None
