#include "core/numeric/number_format.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

using Ties = NumberFormat::Ties;
using ScaleRule = NumberFormat::ScaleRule;

/// A format given by its values; codes count them upwards.
NumberFormat table(std::string id, std::string title, int bits, std::vector<double> values,
                   std::string source) {
    NumberFormat format;
    format.id = std::move(id);
    format.title = std::move(title);
    format.bits = bits;
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    format.points = std::move(values);
    format.codes.resize(format.points.size());
    std::iota(format.codes.begin(), format.codes.end(), 0);
    format.source = std::move(source);
    return format;
}

/// Zero and both signs of the magnitudes.
std::vector<double> mirrored(const std::vector<double> &magnitudes) {
    std::vector<double> values{0};
    for (const double magnitude : magnitudes)
        values.insert(values.end(), {magnitude, -magnitude});
    return values;
}

NumberFormat integer(int bits, GridConvention convention) {
    NumberFormat format;
    const std::string name(gridConventionName(convention));
    format.id = fmt::format("int{}-{}", bits, name);
    format.title = convention == GridConvention::Asymmetric ? fmt::format("INT{} asymmetric", bits)
                                                            : fmt::format("INT{} symmetric ({})", bits, name);
    format.bits = bits;
    format.ties = Ties::EvenCode;
    format.scaleRule = ScaleRule::IntegerGrid;
    format.convention = convention;
    format.source = "Jacob et al. 2018, arXiv:1712.05877";
    const CodeRange range = codeRange(bits, convention);
    for (int code = range.lowest; code <= range.highest; ++code) {
        format.codes.push_back(code);
        format.points.push_back(code);
    }
    return format;
}

/// Sign, exponent and mantissa with subnormals: E > 0: 2^(E-bias) (1 + M/2^m); E = 0: 2^(1-bias) M/2^m.
/// \param magnitudes  finite codes without sign; those above are Inf or NaN
NumberFormat minifloat(std::string id, std::string title, int mantissaBits, int bias, int magnitudes,
                       int bits, std::string source) {
    NumberFormat format;
    format.id = std::move(id);
    format.title = std::move(title);
    format.bits = bits;
    format.ties = Ties::EvenCode;
    format.source = std::move(source);
    const auto value = [&](int code) {
        const int exponent = code >> mantissaBits, mantissa = code & ((1 << mantissaBits) - 1);
        const double fraction = std::ldexp(mantissa, -mantissaBits);
        return std::ldexp(exponent > 0 ? 1 + fraction : fraction, std::max(exponent, 1) - bias);
    };
    for (int code = magnitudes - 1; code > 0; --code) {
        format.points.push_back(-value(code));
        format.codes.push_back(code | 1 << (bits - 1));
    }
    for (int code = 0; code < magnitudes; ++code) { // −0 is 0
        format.points.push_back(value(code));
        format.codes.push_back(code);
    }
    return format;
}

/// Sums of one member of each set, over their largest.
NumberFormat additivePowers(int bits, const std::vector<std::vector<double>> &sets) {
    std::vector<double> sums{0};
    for (const auto &set : sets) {
        std::vector<double> longer;
        for (const double sum : sums)
            for (const double term : set)
                longer.push_back(sum + term);
        sums = std::move(longer);
    }
    const double largest = *std::max_element(sums.begin(), sums.end());
    for (double &sum : sums)
        sum /= largest;
    return table(fmt::format("apot{}", bits), fmt::format("APoT {} bit", bits), bits, mirrored(sums),
                 "Li et al. 2020, arXiv:1909.13144");
}

/// Magnitudes base^-i, i = 0 .. 2^(b-1)-2, and zero.
std::vector<double> powers(int bits, double base) {
    std::vector<double> magnitudes;
    for (int i = 0; i <= (1 << (bits - 1)) - 2; ++i)
        magnitudes.push_back(std::pow(base, -i));
    return mirrored(magnitudes);
}

NumberFormat normalFloat4() {
    return table("nf4", "NF4", 4,
                 {-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                  -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
                  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                  0.7229568362236023, 1},
                 "Dettmers et al. 2023, arXiv:2305.14314");
}

/// One of the four tables among which BitMoD chooses per group: the code of −0 becomes an extra value.
NumberFormat bitMod(int bits, const std::string &name, double extra) {
    std::vector<double> values = bits == 3 ? mirrored({1, 2, 4}) : mirrored({1, 2, 3, 4, 6, 8, 12});
    values.push_back(extra);
    return table(fmt::format("bitmod{}-{}", bits, name),
                 fmt::format("BitMoD {} bit, extra value {}", bits, extra), bits, std::move(values),
                 "Chen et al. 2025, arXiv:2411.11745");
}

/// The same elements under one power-of-two scale. \param emax  exponent of their largest power of two
NumberFormat microscaling(NumberFormat elements, std::string id, std::string title, int emax) {
    elements.id = std::move(id);
    elements.title = std::move(title);
    elements.scaleRule = ScaleRule::PowerOfTwo;
    elements.emax = emax;
    elements.source = "OCP Microscaling Formats 1.0; scale by the floor rule";
    return elements;
}

/// Two's complement with the step 1/64, without its lowest code.
NumberFormat mxInteger() {
    NumberFormat format = integer(8, GridConvention::SymmetricRestricted);
    format.convention.reset();
    for (double &point : format.points)
        point /= 64;
    return microscaling(std::move(format), "mxint8", "MXINT8, scale 2ⁿ", 0);
}

std::vector<NumberFormat> makeFormats() {
    std::vector<NumberFormat> formats;
    for (int bits = 2; bits <= 8; ++bits)
        for (const GridConvention convention :
             {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
              GridConvention::SymmetricRestricted, GridConvention::SymmetricFull})
            formats.push_back(integer(bits, convention));

    const std::string fp8 = "Micikevicius et al. 2022, arXiv:2209.05433",
                      ocp = "OCP Microscaling Formats 1.0";
    const NumberFormat e4m3 = minifloat("fp8-e4m3", "FP8 E4M3", 3, 7, 127, 8, fp8);
    const NumberFormat e5m2 = minifloat("fp8-e5m2", "FP8 E5M2", 2, 15, 124, 8, fp8);
    const NumberFormat e2m3 = minifloat("fp6-e2m3", "FP6 E2M3", 3, 1, 32, 6, ocp);
    const NumberFormat e3m2 = minifloat("fp6-e3m2", "FP6 E3M2", 2, 3, 32, 6, ocp);
    const NumberFormat e2m1 = minifloat("fp4-e2m1", "FP4 E2M1", 1, 1, 8, 4, ocp);
    formats.insert(formats.end(), {e4m3, e5m2, e2m3, e3m2, e2m1});

    formats.push_back(normalFloat4());
    for (const int bits : {3, 4, 5})
        formats.push_back(table(fmt::format("pot{}", bits), fmt::format("Power of two {} bit", bits), bits,
                                powers(bits, 2), "Miyashita et al. 2016, arXiv:1603.01025; nearest value"));
    formats.push_back(additivePowers(3, {{0, 0.25, 0.5, 1}}));
    formats.push_back(additivePowers(4, {{0, 0.5, 0.25, 0.0625}, {0, 0.125}}));
    formats.push_back(additivePowers(5, {{0, 0.5, 0.125, 0.03125}, {0, 0.25, 0.0625, 0.015625}}));
    formats.push_back(
        table("post4", "Powers of √2, 4 bit", 4, powers(4, std::sqrt(2.0)), "arXiv:2504.17263"));
    formats.back().experimental = true; // whether the paper's grid has a zero is not certain
    for (const auto &[name, extra] : {std::pair{"er+", 3.0}, {"er-", -3.0}, {"ea+", 6.0}, {"ea-", -6.0}})
        formats.push_back(bitMod(3, name, extra));
    for (const auto &[name, extra] : {std::pair{"er+", 10.0}, {"er-", -10.0}, {"ea+", 16.0}, {"ea-", -16.0}})
        formats.push_back(bitMod(4, name, extra));

    formats.push_back(microscaling(e4m3, "mxfp8-e4m3", "MXFP8 E4M3, scale 2ⁿ", 8));
    formats.push_back(microscaling(e5m2, "mxfp8-e5m2", "MXFP8 E5M2, scale 2ⁿ", 15));
    formats.push_back(microscaling(e2m3, "mxfp6-e2m3", "MXFP6 E2M3, scale 2ⁿ", 2));
    formats.push_back(microscaling(e3m2, "mxfp6-e3m2", "MXFP6 E3M2, scale 2ⁿ", 4));
    formats.push_back(microscaling(e2m1, "mxfp4", "MXFP4 E2M1, scale 2ⁿ", 2));
    formats.push_back(mxInteger());
    return formats;
}

} // namespace

const std::vector<NumberFormat> &builtinFormats() {
    static const std::vector<NumberFormat> formats = makeFormats();
    return formats;
}

} // namespace qs
