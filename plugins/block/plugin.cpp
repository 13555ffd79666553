// The block family: methods that quantize the layers of a block together, by gradients through the block.
#include "plugins/block/block_methods.h"
#include "plugins/block/cbq.h"
#include "plugins/block/genie_m.h"
#include "plugins/block/mgrq.h"
#include "plugins/block/omniquant_ranges.h"

QS_EXPORT_PLUGIN("org.quantoscope.block", "1.1.0", "GPL-3.0-or-later", qs::Brecq, qs::QDrop, qs::Cbq,
                 qs::Mgrq, qs::OmniQuantRanges, qs::GenieM);
