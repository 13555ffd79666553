// The GGUF family: the block formats of ggml as methods. TQ1_0 and Q1_0 are left out: the program's matrices
// have codes of whole bits, at least two.
#include "plugins/gguf/block_methods.h"

using qs::BlockQuantizer;
using qs::BlockType;

QS_EXPORT_PLUGIN("org.quantoscope.gguf", "1.0.0", "GPL-3.0-or-later", BlockQuantizer<BlockType::Q4_0>,
                 BlockQuantizer<BlockType::Q4_1>, BlockQuantizer<BlockType::Q5_0>,
                 BlockQuantizer<BlockType::Q5_1>, BlockQuantizer<BlockType::Q8_0>,
                 BlockQuantizer<BlockType::Q2_K>, BlockQuantizer<BlockType::Q3_K>,
                 BlockQuantizer<BlockType::Q4_K>, BlockQuantizer<BlockType::Q5_K>,
                 BlockQuantizer<BlockType::Q6_K>, BlockQuantizer<BlockType::IQ4_NL>,
                 BlockQuantizer<BlockType::IQ4_XS>, BlockQuantizer<BlockType::MXFP4>,
                 BlockQuantizer<BlockType::TQ2_0>, BlockQuantizer<BlockType::Q2_0>);
