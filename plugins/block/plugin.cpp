// The block family: methods that quantize the layers of a block together, by gradients through the block.
#include "plugins/block/block_methods.h"

QS_EXPORT_PLUGIN("org.quantoscope.block", "1.0.0", "GPL-3.0-or-later", qs::Brecq, qs::QDrop);
