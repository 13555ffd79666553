#pragma once

#include "views/attention/attention_controls.h"

namespace qs::views {

/// One small map of the grid.
struct AttentionPanel {
    int block = -1, head = -1;
    bool isDifference = false;
    Tensor map;      ///< float32 [rows, cols], reduced
    QString toolTip; ///< lines
};

/// Small maps in rows and columns; float and quantized ones share a scale, differences have another.
struct AttentionGrid {
    std::vector<QString> rowNames;
    int columns = 0;
    std::vector<AttentionPanel> panels; ///< row-major; a head of -1 leaves the place empty
    HeatMapScale scale, differenceScale;
    QString valueTitle, differenceTitle; ///< over the colour bars

    int rows() const { return static_cast<int>(rowNames.size()); }
};

/// The small maps of a survey: of one layer float, quantized and difference below each other; of all layers
/// one row each, in the variant shown. Scales are shared over everything in the grid.
AttentionGrid makeAttentionGrid(const AttentionSurvey &survey, const AttentionShown &shown, bool logarithmic);

} // namespace qs::views
