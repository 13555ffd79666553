#pragma once

#include "core/analysis/cell_inspection.h"

namespace qs {

/// One line of the inspector.
struct CellFact {
    std::string name, value;
    std::string explanation; ///< a sentence; empty where the name says it all
};

/// What an inspection found, as the window and qscope show it. \param matrix  as given to inspectCell()
std::vector<CellFact> cellFacts(const Layer &layer, const QuantizedMatrix *matrix,
                                const CellInspection &cell);

/// The shortest text that reads back as the same float32; "NaN", "inf".
std::string exactText(float value);

} // namespace qs
