#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qs {

/// A name in a form in which names of modules, of tensors and of layers agree: "/m/blocks/blocks.2/fc" and
/// "m.blocks.2.fc" are both m, blocks, 2, fc (exporters repeat the name of a container before the number of
/// its child).
using NameParts = std::vector<std::string>;
NameParts nameParts(std::string_view name);

/// 2: equal, 1: one ends in the other ("model.layers.0.q_proj" and "layers.0.q_proj"), 0: neither.
int nameAgreement(const NameParts &a, const NameParts &b);

/// "a, b, c and 9 more": some of many names, for messages.
std::string someNames(const std::vector<std::string> &names, std::size_t most = 5);

} // namespace qs
