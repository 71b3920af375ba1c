"""The portal: the pages that people use. It knows HTTP and HTML, and nothing of how it is hosted."""
