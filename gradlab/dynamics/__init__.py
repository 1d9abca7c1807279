"""Pure tensor mathematics of gradients through time: spectra, exponents, horizons, and theory.

The theory (`mean_field`, `random_matrices`, `bounds`, `time_constants`) does not import torch.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from gradlab.dynamics.bounds import (
        explosion_is_possible,
        log_bound_from_steps,
        log_gradient_bound,
        vanishing_is_certain,
    )
    from gradlab.dynamics.estimate import Estimate, estimate_mean_field
    from gradlab.dynamics.horizons import (
        e_folding_lag,
        effective_steps,
        lag_below,
        lag_below_rounding,
        lag_below_share,
        log_teaching_norms,
        steps_for_share,
    )
    from gradlab.dynamics.lanczos import (
        ExtremeSingularValues,
        leading_singular_values,
        smallest_singular_values,
    )
    from gradlab.dynamics.lyapunov import (
        LyapunovSpectrum,
        entropy_rate,
        kaplan_yorke_dimension,
        lyapunov_spectrum,
    )
    from gradlab.dynamics.mean_field import MeanField, critical_sigma_w, exponent_line
    from gradlab.dynamics.operator import Dense, JacobianOperator
    from gradlab.dynamics.products import log_singular_values_by_lag, log_singular_values_of_product
    from gradlab.dynamics.random_matrices import (
        fuss_catalan_density,
        fuss_catalan_edge,
        fuss_catalan_moment,
        marchenko_pastur_density,
        marchenko_pastur_edges,
        newman_exponents,
        newman_variances,
    )
    from gradlab.dynamics.regularisers import (
        gradient_flossing,
        orthogonality_penalty,
        pascanu_penalty,
        spectral_norm_penalty,
    )
    from gradlab.dynamics.spectra import (
        LogHistogram,
        condition_number,
        henrici_departure,
        log_histogram,
        mean_log_singular_value,
        participation_ratio,
        singular_values,
        spectral_radius,
        stable_rank,
    )
    from gradlab.dynamics.time_constants import (
        bias_for_memory,
        chrono_memory_quantile,
        measured_memory,
        memory_of_bias,
        memory_of_gate,
    )

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bounds": [
            "explosion_is_possible",
            "log_bound_from_steps",
            "log_gradient_bound",
            "vanishing_is_certain",
        ],
        "estimate": ["Estimate", "estimate_mean_field"],
        "horizons": [
            "e_folding_lag",
            "effective_steps",
            "lag_below",
            "lag_below_rounding",
            "lag_below_share",
            "log_teaching_norms",
            "steps_for_share",
        ],
        "lanczos": ["ExtremeSingularValues", "leading_singular_values", "smallest_singular_values"],
        "lyapunov": ["LyapunovSpectrum", "entropy_rate", "kaplan_yorke_dimension", "lyapunov_spectrum"],
        "mean_field": ["MeanField", "critical_sigma_w", "exponent_line"],
        "operator": ["Dense", "JacobianOperator"],
        "products": ["log_singular_values_by_lag", "log_singular_values_of_product"],
        "random_matrices": [
            "fuss_catalan_density",
            "fuss_catalan_edge",
            "fuss_catalan_moment",
            "marchenko_pastur_density",
            "marchenko_pastur_edges",
            "newman_exponents",
            "newman_variances",
        ],
        "regularisers": [
            "gradient_flossing",
            "orthogonality_penalty",
            "pascanu_penalty",
            "spectral_norm_penalty",
        ],
        "spectra": [
            "LogHistogram",
            "condition_number",
            "henrici_departure",
            "log_histogram",
            "mean_log_singular_value",
            "participation_ratio",
            "singular_values",
            "spectral_radius",
            "stable_rank",
        ],
        "time_constants": [
            "bias_for_memory",
            "chrono_memory_quantile",
            "measured_memory",
            "memory_of_bias",
            "memory_of_gate",
        ],
    },
)

__all__ = [
    "Dense",
    "Estimate",
    "ExtremeSingularValues",
    "JacobianOperator",
    "LogHistogram",
    "LyapunovSpectrum",
    "MeanField",
    "bias_for_memory",
    "chrono_memory_quantile",
    "condition_number",
    "critical_sigma_w",
    "e_folding_lag",
    "effective_steps",
    "entropy_rate",
    "estimate_mean_field",
    "explosion_is_possible",
    "exponent_line",
    "fuss_catalan_density",
    "fuss_catalan_edge",
    "fuss_catalan_moment",
    "gradient_flossing",
    "henrici_departure",
    "kaplan_yorke_dimension",
    "lag_below",
    "lag_below_rounding",
    "lag_below_share",
    "leading_singular_values",
    "log_bound_from_steps",
    "log_gradient_bound",
    "log_histogram",
    "log_singular_values_by_lag",
    "log_singular_values_of_product",
    "log_teaching_norms",
    "lyapunov_spectrum",
    "marchenko_pastur_density",
    "marchenko_pastur_edges",
    "mean_log_singular_value",
    "measured_memory",
    "memory_of_bias",
    "memory_of_gate",
    "newman_exponents",
    "newman_variances",
    "orthogonality_penalty",
    "participation_ratio",
    "pascanu_penalty",
    "singular_values",
    "smallest_singular_values",
    "spectral_norm_penalty",
    "spectral_radius",
    "stable_rank",
    "steps_for_share",
    "vanishing_is_certain",
]
