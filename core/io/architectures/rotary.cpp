#include "core/io/architectures/rotary.h"

#include <cmath>
#include <numbers>

namespace qs {
namespace {

/// Slow turns are divided by the factor, fast ones stay, those between are blended.
double llama3Frequency(double frequency, const RotaryConfig &config) {
    const double turns = config.originalPositions * frequency / (2 * std::numbers::pi);
    if (turns < config.lowFrequencyFactor)
        return frequency / config.factor;
    if (turns > config.highFrequencyFactor)
        return frequency;
    const double blend =
        (turns - config.lowFrequencyFactor) / (config.highFrequencyFactor - config.lowFrequencyFactor);
    return (1 - blend) * frequency / config.factor + blend * frequency;
}

/// The pair of a head that turns `rotations` times over the positions of the first training.
double yarnPair(double rotations, double width, const RotaryConfig &config) {
    return width * std::log(config.originalPositions / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(config.theta));
}

double yarnFrequency(double frequency, double pair, double width, const RotaryConfig &config) {
    const double low = std::max(std::floor(yarnPair(config.betaFast, width, config)), 0.0);
    double high = std::min(std::ceil(yarnPair(config.betaSlow, width, config)), width - 1);
    if (low == high)
        high += 0.001;
    const double ramp = std::clamp((pair - low) / (high - low), 0.0, 1.0);
    return frequency / config.factor * ramp + frequency * (1 - ramp);
}

double magnitudeOf(const RotaryConfig &config) {
    if (config.scaling != RotaryConfig::Scaling::Yarn)
        return 1;
    if (config.attentionFactor > 0)
        return config.attentionFactor;
    return config.factor > 1 ? 0.1 * std::log(config.factor) + 1 : 1;
}

void readScaling(RotaryConfig &rotary, ConfigReader &fields, std::int64_t positions) {
    const std::string type = fields.text("rope_type", fields.text("type", "default").c_str());
    constexpr double kMost = 1e9;
    // Frequencies that grow with the sequence are the usual ones as long as it fits the positions.
    if (type == "default" || type == "dynamic")
        return;
    if (type == "linear")
        rotary.scaling = RotaryConfig::Scaling::Linear;
    else if (type == "llama3")
        rotary.scaling = RotaryConfig::Scaling::Llama3;
    else if (type == "yarn")
        rotary.scaling = RotaryConfig::Scaling::Yarn;
    else
        return fields.complain(
            "rope_type",
            fmt::format("is '{}'; known here: default, dynamic, linear, llama3, yarn.", type.substr(0, 40)));
    for (const char *field : {"mscale", "mscale_all_dim", "short_factor", "long_factor"})
        if (fields.has(field))
            return fields.complain(field, "changes the rotation in a way that is not known here.");
    if (!fields.flag("truncate", true))
        return fields.complain("truncate", "must be true: other rotations are not known here.");
    if (!fields.has("factor"))
        return fields.complain("factor", "is missing.");
    rotary.factor = fields.real("factor", 1e-6, kMost, 1);
    rotary.originalPositions =
        fields.real("original_max_position_embeddings", 1, kMost, static_cast<double>(positions));
    rotary.lowFrequencyFactor = fields.real("low_freq_factor", 1e-6, kMost, 1);
    rotary.highFrequencyFactor = fields.real("high_freq_factor", 1e-6, kMost, 4);
    rotary.betaFast = fields.real("beta_fast", 1e-6, kMost, 32);
    rotary.betaSlow = fields.real("beta_slow", 1e-6, kMost, 1);
    rotary.attentionFactor = fields.real("attention_factor", 0, kMost, 0);
    if (rotary.highFrequencyFactor <= rotary.lowFrequencyFactor)
        fields.complain("high_freq_factor", "must be above low_freq_factor.");
}

} // namespace

double rotaryFrequency(const RotaryConfig &config, std::int64_t pair, std::int64_t width) {
    double frequency = 1 / std::pow(config.theta, 2 * static_cast<double>(pair) / static_cast<double>(width));
    if (!config.frequencyDivisors.empty())
        frequency /= config.frequencyDivisors[static_cast<std::size_t>(pair)];
    switch (config.scaling) {
    case RotaryConfig::Scaling::None:
        return frequency;
    case RotaryConfig::Scaling::Linear:
        return frequency / config.factor;
    case RotaryConfig::Scaling::Llama3:
        return llama3Frequency(frequency, config);
    case RotaryConfig::Scaling::Yarn:
        return yarnFrequency(frequency, static_cast<double>(pair), static_cast<double>(width), config);
    }
    return frequency;
}

RotaryTables rotaryTables(const RotaryConfig &config, std::int64_t width, std::int64_t positions) {
    RotaryTables tables{Tensor::allocate(DType::Float32, Shape{positions, width}),
                        Tensor::allocate(DType::Float32, Shape{positions, width})};
    const auto cosines = tables.cos.mutableValues<float>(), sines = tables.sin.mutableValues<float>();
    const auto magnitude = static_cast<float>(magnitudeOf(config));
    const std::int64_t half = width / 2;
    for (std::int64_t pair = 0; pair < half; ++pair) {
        const auto frequency = static_cast<float>(rotaryFrequency(config, pair, width));
        for (std::int64_t position = 0; position < positions; ++position) {
            const float angle = static_cast<float>(position) * frequency;
            for (const std::int64_t column : {pair, pair + half}) {
                const auto place = static_cast<std::size_t>(position * width + column);
                cosines[place] = std::cos(angle) * magnitude;
                sines[place] = std::sin(angle) * magnitude;
            }
        }
    }
    return tables;
}

RotaryConfig readRotaryConfig(ConfigReader &reader, std::int64_t positions) {
    RotaryConfig rotary;
    constexpr double kMostTheta = 1e12;
    rotary.theta = reader.real("rope_theta", 1, kMostTheta, 10000);
    if (reader.real("partial_rotary_factor", 0, 1, 1) != 1)
        reader.complain("partial_rotary_factor",
                        "is not 1: rotations of a part of a head are not known here.");
    for (const char *name : {"rope_parameters", "rope_scaling"}) {
        if (!reader.has(name))
            continue;
        const auto &json = reader.config().at(name);
        if (!json.is_object()) {
            reader.complain(name, "must be an object.");
            continue;
        }
        ConfigReader fields(json, reader.file());
        rotary.theta = fields.real("rope_theta", 1, kMostTheta, rotary.theta);
        readScaling(rotary, fields, positions);
        if (fields.problem())
            reader.complain(name, "is not understood: " + fields.problem()->message);
        break;
    }
    return rotary;
}

} // namespace qs
