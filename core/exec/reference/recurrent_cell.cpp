#include "core/exec/reference/recurrent_cell.h"

#include <algorithm>

namespace qs {
namespace {

/// sums[j] += Σ x[i]·matrix[i, first + j] for a matrix with rows of `stride` elements.
void addProduct(const std::vector<double> &x, const std::vector<double> &matrix, std::size_t first,
                std::size_t stride, std::span<double> sums) {
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double factor = x[i];
        const double *row = matrix.data() + i * stride + first;
        for (std::size_t j = 0; j < sums.size(); ++j)
            sums[j] += factor * row[j];
    }
}

} // namespace

double RecurrentCell::activate(std::size_t index, double x) const {
    return activations[index](std::clamp(x, -clip, clip));
}

void RecurrentCell::step(const double *x, State &state) const {
    const std::size_t width = inputBias.size();
    state.gates = inputBias;
    for (std::int64_t i = 0; i < inputSize; ++i) {
        const double *row = inputWeights.data() + static_cast<std::size_t>(i) * width;
        for (std::size_t j = 0; j < width; ++j)
            state.gates[j] += x[i] * row[j];
    }
    switch (kind) {
    case CellKind::Rnn:
        return stepRnn(state);
    case CellKind::Gru:
        return stepGru(state);
    case CellKind::Lstm:
        return stepLstm(state);
    }
}

void RecurrentCell::stepRnn(State &state) const {
    state.product = stateBias;
    addProduct(state.h, stateWeights, 0, stateBias.size(), state.product);
    for (std::size_t j = 0; j < state.h.size(); ++j)
        state.h[j] = activate(0, state.gates[j] + state.product[j]);
}

/// Gates in the order z, r, h.
void RecurrentCell::stepGru(State &state) const {
    const std::size_t n = state.h.size();
    state.product = stateBias;
    addProduct(state.h, stateWeights, 0, 3 * n,
               std::span(state.product).first(linearBeforeReset ? 3 * n : 2 * n));
    state.reset.resize(n);
    for (std::size_t j = 0; j < n; ++j) {
        const double reset = activate(0, state.gates[n + j] + state.product[n + j]);
        if (linearBeforeReset)
            state.product[2 * n + j] *= reset;
        else
            state.reset[j] = reset * state.h[j];
    }
    if (!linearBeforeReset)
        addProduct(state.reset, stateWeights, 2 * n, 3 * n, std::span(state.product).last(n));
    for (std::size_t j = 0; j < n; ++j) {
        const double update = activate(0, state.gates[j] + state.product[j]);
        const double candidate = activate(1, state.gates[2 * n + j] + state.product[2 * n + j]);
        state.h[j] = (1 - update) * candidate + update * state.h[j];
    }
}

/// Gates in the order i, o, f, c.
void RecurrentCell::stepLstm(State &state) const {
    const std::size_t n = state.h.size();
    state.product = stateBias;
    addProduct(state.h, stateWeights, 0, 4 * n, state.product);
    const auto peephole = [&](std::size_t gate, std::size_t j, double c) {
        return peepholes.empty() ? 0.0 : peepholes[gate * n + j] * c;
    };
    for (std::size_t j = 0; j < n; ++j) {
        const auto sum = [&](std::size_t gate) {
            return state.gates[gate * n + j] + state.product[gate * n + j];
        };
        const double before = state.c[j];
        const double in = activate(0, sum(0) + peephole(0, j, before));
        const double forget = coupledForget ? 1 - in : activate(0, sum(2) + peephole(2, j, before));
        state.c[j] = forget * before + in * activate(1, sum(3));
        const double out = activate(0, sum(1) + peephole(1, j, state.c[j]));
        state.h[j] = out * activations[2](state.c[j]); // not clipped, as ONNX Runtime
    }
}

} // namespace qs
