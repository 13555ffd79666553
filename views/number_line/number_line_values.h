#pragma once

#include "core/analysis/number_line.h"

#include <functional>
#include <memory>

namespace qs::views {

/// Whose values the number line shows.
struct NumberLineRequest {
    std::shared_ptr<const Model> model;
    LayerId layer = kNoLayer;
    ValueSource source;
    std::shared_ptr<const LayerCapture> capture; ///< Activation

    bool operator==(const NumberLineRequest &) const = default;
    const Layer &layerInfo() const { return model->layers[static_cast<std::size_t>(layer)]; }
    /// Why there is nothing to show and what to do; empty when there is something.
    std::string whyNothing() const;
};

/// Values ready to be asked for the error of any grid. Immutable.
struct NumberLineValues {
    NumberLineRequest request;
    std::string title, valueName, note;
    ValueRange extent;    ///< of all finite values (of all tokens), exact from the start
    SortedValues sorted;  ///< of a small sample first, of all values then, or of as many as can be sorted
    bool isEarly = false; ///< the small sample
};

/// Formats over the values, in the order of table and chart.
struct NumberLineTable {
    std::shared_ptr<const NumberLineValues> values;
    std::vector<NumberLineRow> rows;
    int current = -1; ///< the row that handles and fields belong to
    int best = -1;
};

/// Reads and sorts. \param early  gets a sample of large tensors while they are being sorted
/// \thread worker  \error as sourceValues();  Cancelled
Result<std::shared_ptr<const NumberLineValues>>
prepareNumberLine(const NumberLineRequest &request,
                  const std::function<void(std::shared_ptr<const NumberLineValues>)> &early,
                  const RunContext &ctx);

} // namespace qs::views
