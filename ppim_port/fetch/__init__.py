"""From a source's address to a verified file on this disk.

Kept: a file under its final name is whole, has a sha256 that the manifest promised
or that the user's lock file holds, and was fetched over https. Refused: unverified
bytes, web pages, redirects to http. Because nobody publishes the sha256 of RedNet's
weights, the first digest seen is recorded and every later one is held against it. A
file that an installed package ships is taken from where it lies, if its digest fits.

Importing this package loads no network library.
"""

from ppim_port.fetch.fetcher import fetch
from ppim_port.fetch.places import cache_dir
from ppim_port.fetch.records import Download, Fetched
from ppim_port.fetch.trust import cached, find_cached

__all__ = ["Download", "Fetched", "cache_dir", "cached", "fetch", "find_cached"]
