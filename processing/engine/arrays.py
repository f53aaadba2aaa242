"""Names for the arrays that the engine passes about."""

import numpy as np
from numpy.typing import NDArray

# uint8 (H, W, 3), red-green-blue, or uint8 (H, W) for masks.
Image = NDArray[np.uint8]
# float32 of any shape; the function that takes or gives one states the shape.
Floats = NDArray[np.float32]
