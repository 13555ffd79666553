#include "core/hardware/hardware_library.h"
#include "tests/support/temp_dir.h"

#include <fstream>
#include <gmock/gmock.h>

namespace qs {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json smallDevice() {
    return {{"id", "toy"},
            {"name", "Toy"},
            {"memory_bandwidth_gbs", 100},
            {"memory_gb", 8},
            {"peak_dense_tops", {{"fp32", 1}, {"fp16", 4}, {"int8", 8}, {"int4", nullptr}}},
            {"onchip", {{"register_file_kb", 256}}},
            {"verified_fields", {"memory_bandwidth_gbs", "peak_dense_tops.fp16"}}};
}

std::string refusalOf(const json &device) {
    const auto profile = HardwareProfile::fromJson(device, "toy.json");
    EXPECT_FALSE(profile);
    if (profile)
        return {};
    EXPECT_EQ(profile.error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(profile.error().where, "toy.json");
    return profile.error().message;
}

TEST(HardwareProfile, EveryBundledFileIsReadAndNamedAfterItsId) {
    FindingList findings;
    const auto profiles = readHardware({QS_HARDWARE}, findings);
    for (const auto &entry : findings.snapshot())
        ADD_FAILURE() << entry.finding.where << ": " << entry.finding.what;
    EXPECT_GE(profiles.size(), 40u);
    for (const HardwareProfile &profile : profiles) {
        EXPECT_EQ(profile.file.stem(), profile.id);
        EXPECT_FALSE(profile.peaks.empty()) << profile.id;
    }
    const auto h100 = findHardware(profiles, "nvidia_h100_sxm");
    ASSERT_TRUE(h100);
    EXPECT_DOUBLE_EQ(h100->bytesPerSecond, 3.35e12);
    EXPECT_DOUBLE_EQ(*h100->peak(ComputeType::Fp16), 989.4e12);
    EXPECT_DOUBLE_EQ(*h100->memoryBytes, 80e9);
}

TEST(HardwareProfile, UnitsAreConvertedAndUnverifiedFieldsNamed) {
    const auto profile = HardwareProfile::fromJson(smallDevice(), "toy.json");
    ASSERT_TRUE(profile) << profile.error().text();
    EXPECT_DOUBLE_EQ(profile->bytesPerSecond, 1e11);
    EXPECT_DOUBLE_EQ(*profile->peak(ComputeType::Int8), 8e12);
    EXPECT_DOUBLE_EQ(*profile->registerBytes, 256e3);
    EXPECT_THAT(profile->unverifiedFields(),
                testing::UnorderedElementsAre("memory_gb", "peak_dense_tops.fp32", "peak_dense_tops.int8",
                                              "onchip.register_file_kb"));
    json all = smallDevice();
    all["verified_fields"] = {"memory_bandwidth_gbs", "memory_gb", "peak_dense_tops", "onchip"};
    EXPECT_TRUE(HardwareProfile::fromJson(all, "toy.json")->unverifiedFields().empty());
}

TEST(HardwareProfile, WhatIsWrongNamesFileAndField) {
    for (const char *field : {"id", "name", "memory_bandwidth_gbs", "peak_dense_tops"}) {
        json device = smallDevice();
        device.erase(field);
        EXPECT_THAT(refusalOf(device), HasSubstr(field));
    }
    json noRoof = smallDevice();
    noRoof["peak_dense_tops"] = {{"fp16", nullptr}};
    EXPECT_THAT(refusalOf(noRoof), HasSubstr("no roof"));
    json bytes = smallDevice();
    bytes["memory_bandwidth_gbs"] = 1e11; // bytes per second
    EXPECT_THAT(refusalOf(bytes),
                testing::AllOf(HasSubstr("memory_bandwidth_gbs"), HasSubstr("1e9 bytes/s")));
    json otherUnit = smallDevice();
    otherUnit["memory_bandwidth_tbs"] = 0.1;
    EXPECT_THAT(refusalOf(otherUnit),
                testing::AllOf(HasSubstr("memory_bandwidth_tbs"), HasSubstr("memory_bandwidth_gbs")));
    json flops = smallDevice();
    flops["peak_dense_tops"]["fp16"] = 4e12;
    EXPECT_THAT(refusalOf(flops),
                testing::AllOf(HasSubstr("peak_dense_tops.fp16"), HasSubstr("1e12 operations/s")));
    json unknownType = smallDevice();
    unknownType["peak_dense_tops"]["int3"] = 4;
    EXPECT_THAT(refusalOf(unknownType), HasSubstr("peak_dense_tops.int3"));
    for (const json &wrong : {json("fast"), json(-1), json(0), json(true), json(json::array())}) {
        json device = smallDevice();
        device["memory_gb"] = wrong;
        EXPECT_THAT(refusalOf(device), HasSubstr("memory_gb"));
    }
    EXPECT_FALSE(HardwareProfile::fromJson(json::array(), "toy.json"));
}

TEST(HardwareProfile, RoofIsTheNarrowestTypeThatHoldsBothOperands) {
    const HardwareProfile device = *HardwareProfile::fromJson(smallDevice(), "toy.json");
    const auto roof = [&](double left, double right) { return device.matrixRoof(left, right)->type; };
    EXPECT_EQ(roof(16, 4), ComputeType::Fp16); // weights are dequantized
    EXPECT_EQ(roof(8, 8), ComputeType::Int8);
    EXPECT_EQ(roof(8, 4), ComputeType::Int8);
    EXPECT_EQ(roof(4, 4), ComputeType::Int8); // no int4 here
    EXPECT_EQ(roof(32, 8), ComputeType::Fp32);
    EXPECT_EQ(device.vectorRoof()->type, ComputeType::Fp32);
    json brainFloat = smallDevice();
    brainFloat["peak_dense_tops"] = {{"bf16", 3}};
    const HardwareProfile tpu = *HardwareProfile::fromJson(brainFloat, "toy.json");
    EXPECT_EQ(tpu.matrixRoof(8, 8)->type, ComputeType::Bf16);
    EXPECT_FALSE(tpu.matrixRoof(32, 32));
    EXPECT_FALSE(tpu.vectorRoof());
}

TEST(HardwareLibrary, UsersFilesAppearAndWinAndBadOnesAreFindings) {
    const TempDir folder;
    const auto write = [&](const char *name, const std::string &text) {
        std::ofstream(folder.path() / name) << text;
    };
    json own = smallDevice();
    own["id"] = "nvidia_t4";
    own["name"] = "My T4";
    write("mine.json", own.dump());
    write("toy.json", smallDevice().dump());
    write("broken.json", "{\"id\": ");
    FindingList findings;
    const auto profiles = readHardware({folder.path(), QS_HARDWARE, folder.path() / "absent"}, findings);
    EXPECT_EQ(findHardware(profiles, "nvidia_t4")->name, "My T4");
    EXPECT_TRUE(findHardware(profiles, "toy"));
    const auto entries = findings.snapshot();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_THAT(entries[0].finding.where, HasSubstr("broken.json"));
    EXPECT_TRUE(findHardware(profiles, folder.path() / "toy.json"));
    const auto none = findHardware(profiles, "abacus");
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("nvidia_h100_sxm"));
}

} // namespace
} // namespace qs
