#include "core/quant/method_registry.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

template <typename Method>
std::shared_ptr<const Method> findIn(const std::vector<std::shared_ptr<const Method>> &methods,
                                     std::string_view id) {
    const auto found = std::find_if(methods.begin(), methods.end(),
                                    [&](const auto &method) { return method->info().id == id; });
    return found == methods.end() ? nullptr : *found;
}

} // namespace

Status MethodRegistry::checkFree(const MethodInfo &added) const {
    if (const MethodInfo *taken = info(added.id))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("method '{}' of {} was already given by {}; remove one of them", added.id,
                                added.origin, taken->origin));
    return {};
}

Status MethodRegistry::add(std::shared_ptr<const Quantizer> quantizer) {
    QS_CHECK_OK(checkFree(quantizer->info()));
    m_quantizers.push_back(std::move(quantizer));
    return {};
}

Status MethodRegistry::add(std::shared_ptr<const BranchMethod> branch) {
    QS_CHECK_OK(checkFree(branch->info()));
    m_branches.push_back(std::move(branch));
    return {};
}

Status MethodRegistry::add(std::shared_ptr<const TransformMethod> transform) {
    QS_CHECK_OK(checkFree(transform->info()));
    m_transforms.push_back(std::move(transform));
    return {};
}

std::shared_ptr<const Quantizer> MethodRegistry::find(std::string_view id) const {
    return findIn(m_quantizers, id);
}

std::shared_ptr<const BranchMethod> MethodRegistry::findBranch(std::string_view id) const {
    return findIn(m_branches, id);
}

std::shared_ptr<const TransformMethod> MethodRegistry::findTransform(std::string_view id) const {
    return findIn(m_transforms, id);
}

const MethodInfo *MethodRegistry::info(std::string_view id) const {
    for (const MethodInfo *info : infos())
        if (info->id == id)
            return info;
    return nullptr;
}

const ParameterSchema *MethodRegistry::schema(std::string_view id) const {
    if (const auto quantizer = find(id))
        return &quantizer->schema();
    if (const auto branch = findBranch(id))
        return &branch->schema();
    const auto transform = findTransform(id);
    return transform ? &transform->schema() : nullptr;
}

std::vector<const MethodInfo *> MethodRegistry::infos() const {
    std::vector<const MethodInfo *> infos;
    for (const auto &transform : m_transforms)
        infos.push_back(&transform->info());
    for (const auto &quantizer : m_quantizers)
        infos.push_back(&quantizer->info());
    for (const auto &branch : m_branches)
        infos.push_back(&branch->info());
    return infos;
}

} // namespace qs
