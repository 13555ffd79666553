#include "core/base/json_text.h"
#include "core/quant/recipe.h"

#include <cstdlib>

// A recipe: what is read can be written, and read again.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto json = qs::parseJson({reinterpret_cast<const char *>(data), size}, "recipe.json");
    const auto recipe = json ? qs::Recipe::fromJson(*json) : qs::fail(json.error());
    if (recipe && !qs::Recipe::fromJson(recipe->toJson()))
        std::abort();
    return 0;
}
