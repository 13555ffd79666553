#pragma once

#include "core/session/sweep/sweep_results.h"
#include "core/session/sweep/table_text.h"

namespace qs {

/// The results of a sweep as a table, a row a record in their order. Figures that no record has are left out.
TextCells sweepTable(const SweepResults &results);

/// Which records no other record of the same model and activation bits beats in effective bits against the
/// metric. \param metricId  of runFigures(); empty: that of each model's task
std::vector<bool> paretoRecords(const SweepResults &results, const std::string &metricId = {});

/// Where the results come from, a line a model: hashes, samples.
std::string sweepCaption(const SweepResults &results);

} // namespace qs
