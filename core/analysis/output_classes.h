#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Whether the last axis of an output may be one of classes that exclude each other, whose softmax means
/// something: not behind a Sigmoid or Tanh, where each element stands alone, not where a convolution
/// gives [N, channels, length], and not where elements are sorted.
bool mayHaveClasses(const ModelGraph &graph, ValueId output);

/// Whether an output holds positions that operators such as ArgMax chose, or sizes: numbers whose difference
/// means nothing.
bool areIndices(const ModelGraph &graph, ValueId output);

/// Whether an output holds the values of TopK: its places are ranks, not classes.
bool areSorted(const ModelGraph &graph, ValueId output);

} // namespace qs
