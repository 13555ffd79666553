#pragma once

#include "views/attention/attention_source.h"
#include "views/attention/line_chart.h"

namespace qs::views {

// What the charts of the attention view show. `head` −1 is the mean over the heads of a block, `block` −1 all
// blocks.

/// Attention of one query over all keys, or of all queries to one key.
LineChartContent rowContent(const AttentionMapContent &map, std::int64_t query);
LineChartContent columnContent(const AttentionMapContent &map, std::int64_t key);

/// Column sums; normalised: divided by the queries that can see the key. Over several heads the mean, except
/// the accumulated sum over all blocks, which is SGL's token importance. Empty when there is none.
LineChartContent saliencyContent(const AttentionSurvey &survey, const AttentionMapChoice &choice,
                                 bool normalized);

/// Share of the attention by distance between query and key.
LineChartContent distanceContent(const AttentionSurvey &survey, const AttentionMapChoice &choice);

/// Histograms of K or V of the head that `choice` reads, the other heads of the block faint. Empty without a
/// block.
LineChartContent kvContent(const AttentionSurvey &survey, const AttentionMapChoice &choice, bool values);

} // namespace qs::views
