#pragma once

#include "core/quant/recipe.h"

#include <filesystem>

namespace qs::views {

/// \error IoError, CorruptFile (no JSON), InvalidArgument (no recipe; names the path in it)
Result<Recipe> readRecipe(const std::filesystem::path &file);
/// Writes beside and renames: an existing file stays as it was when anything fails.
/// \error IoError
Status writeRecipe(const Recipe &recipe, const std::filesystem::path &file);

} // namespace qs::views
