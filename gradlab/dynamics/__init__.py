"""Pure tensor mathematics of gradients through time: spectra, exponents, horizons, and theory."""
