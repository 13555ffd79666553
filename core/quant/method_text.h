#pragma once

#include "core/quant/quantizer.h"

namespace qs {

/// What a method tells about itself, in pairs "question, answer" for people; empty answers are left out.
std::vector<std::pair<std::string, std::string>> methodFacts(const MethodInfo &info);

/// What its status is worth: "checked against the authors' code", …
std::string methodStatusMeaning(MethodStatus status);
/// What it must be given besides weights: "a calibration set (Hessian of the inputs)"; "only weights".
std::string methodNeeds(const MethodInfo &info);
/// What values a parameter takes: "0 to 1", "whole numbers from 1 to 128", "yes or no", "one of a, b".
std::string parameterLimits(const Parameter &parameter);

/// Whether every word of a text occurs in id, name, summary, paper, kind, status, origin or tags of a method;
/// upper and lower case are the same.
bool matchesMethod(const MethodInfo &info, const std::string &words);

} // namespace qs
