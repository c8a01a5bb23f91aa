"""Label Studio's own settings, and the guard behind its authentication.

Two things make the order here matter. The server has its folder on the path in some ways of
starting and not in others, and its settings import one another by names that need it there. And
while they are being read they already ask Django for some of themselves: Django must then look into
Label Studio's module, half read, and not into this one, which has nothing yet.
"""

import os
import sys
from pathlib import Path

import label_studio

_NAME = "DJANGO_SETTINGS_MODULE"
_FOLDER = str(Path(label_studio.__file__).parent)
if _FOLDER not in sys.path:
    sys.path.insert(0, _FOLDER)

os.environ[_NAME] = "core.settings.label_studio"
try:
    from core.settings.label_studio import *  # noqa: F403
    from core.settings.label_studio import MIDDLEWARE as _LABEL_STUDIO_MIDDLEWARE
finally:
    os.environ[_NAME] = __name__

# Last: sessions, X-Api-Key and JWT have said by then who asks.
MIDDLEWARE = [*_LABEL_STUDIO_MIDDLEWARE, "alignbench_guard.middleware.Guard"]
