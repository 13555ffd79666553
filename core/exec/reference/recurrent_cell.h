#pragma once

#include "core/exec/reference/recurrent_activation.h"

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace qs {

enum class CellKind { Rnn, Gru, Lstm };

/// Gates that a cell computes from its input and its state; each has `hidden` rows of W and R.
constexpr std::int64_t gateCount(CellKind kind) {
    return kind == CellKind::Rnn ? 1 : kind == CellKind::Gru ? 3 : 4;
}

/// One direction of a recurrent operator: its weights in float64, and one step of its cell.
///
/// \source the equations of the ONNX specification of RNN, GRU and LSTM
struct RecurrentCell {
    CellKind kind = CellKind::Rnn;
    std::int64_t inputSize = 0, hidden = 0;
    std::vector<double> inputWeights; ///< [inputSize, gates·hidden]
    std::vector<double> stateWeights; ///< [hidden, gates·hidden]
    std::vector<double> inputBias;    ///< [gates·hidden]
    std::vector<double> stateBias;    ///< [gates·hidden]
    std::vector<double> peepholes;    ///< LSTM: [3·hidden] of the gates i, o, f; empty = none
    std::vector<RecurrentActivation> activations;
    double clip = std::numeric_limits<double>::infinity(); ///< bound of what enters an activation
    bool coupledForget = false;                            ///< LSTM: f = 1 - i
    bool linearBeforeReset = false;                        ///< GRU: the reset gate acts on the product with R

    /// State of one sequence, and room for the sums of one step.
    struct State {
        std::vector<double> h, c; ///< [hidden]; c only of LSTM
        std::vector<double> gates, product, reset;
    };

    /// h and c after one more element of the sequence. \param x  [inputSize]
    void step(const double *x, State &state) const;

private:
    double activate(std::size_t index, double x) const;
    void stepRnn(State &state) const;
    void stepGru(State &state) const;
    void stepLstm(State &state) const;
};

} // namespace qs
