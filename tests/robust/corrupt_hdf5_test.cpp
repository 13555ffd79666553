#include "core/io/activation_file.h"
#include "core/io/calibration_set.h"
#include "core/io/hdf5_library.h"
#include "core/io/importer.h"
#include "tests/support/memory_limit.h"
#include "tests/support/temp_dir.h"

// HDF5 files that are whole as files and hostile as what the program expects in them.

namespace qs {
namespace {

using testing::HasSubstr;

class HostileHdf5 : public testing::Test {
protected:
    /// A file that `fill` writes with the HDF5 library.
    std::filesystem::path write(const std::function<void(hid_t)> &fill) {
        const auto file = m_dir.path() / "hostile.h5";
        const std::lock_guard lock(hdf5Mutex());
        H5open();
        const Hdf5Handle handle(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
        EXPECT_TRUE(handle);
        fill(handle.get());
        return file;
    }
    static void group(hid_t file, const char *path) {
        EXPECT_TRUE(Hdf5Handle(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose));
    }
    static void dataset(hid_t file, const char *path, const std::vector<hsize_t> &dims,
                        hid_t type = H5T_IEEE_F32LE) {
        const Hdf5Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                               H5Sclose);
        EXPECT_TRUE(Hdf5Handle(
            H5Dcreate2(file, path, type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose));
    }
    static void hardLink(hid_t file, const char *from, const std::string &path) {
        EXPECT_GE(H5Lcreate_hard(file, from, file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT), 0);
    }
    static std::string weights(const std::filesystem::path &file) {
        FindingList findings;
        const auto model = openModel(file, findings, {});
        return model ? "no error" : model.error().text();
    }
    static std::string set(const std::filesystem::path &file) {
        const auto opened = CalibrationSet::open(file, {});
        return opened ? "no error" : opened.error().text();
    }
    static std::string activations(const std::filesystem::path &file) {
        const auto opened = ActivationFile::open(file, {});
        return opened ? "no error" : opened.error().text();
    }
    TempDir m_dir;
    MemoryLimit m_limit{rlim_t(1) << 30};
};

/// Thirty groups with two names each in the one before are 2^30 paths.
TEST_F(HostileHdf5, GroupsOfManyNamesEnd) {
    const auto file = write([](hid_t id) {
        std::string path;
        for (int depth = 0; depth < 30; ++depth) {
            group(id, (path + "/a").c_str());
            hardLink(id, (path + "/a").c_str(), path + "/b");
            path += "/a";
        }
    });
    EXPECT_THAT(weights(file), HasSubstr("without any weights"));
}

TEST_F(HostileHdf5, GroupsInsideThemselvesEnd) {
    const auto trees = [](const char *root) {
        return [root](hid_t file) {
            if (std::string(root) != "/")
                group(file, root);
            for (const char *name : {"a", "b"})
                hardLink(file, root, std::string(root) + "/" + name);
        };
    };
    EXPECT_NE(weights(write(trees("/"))), "no error");
    EXPECT_NE(set(write(trees("inputs"))), "no error");
    EXPECT_NE(activations(write(trees("activations"))), "no error");
}

/// Below the size at which one data set is compared with what is stored for it, many still add up.
TEST_F(HostileHdf5, ManyNamesOfOneDatasetDoNotMultiplyMemory) {
    const auto file = write([](hid_t id) {
        dataset(id, "d", {1 << 18}); // 1 MiB, never written
        for (int i = 0; i < 2000; ++i)
            hardLink(id, "d", "link" + std::to_string(i));
    });
    EXPECT_THAT(weights(file), HasSubstr("cannot hold"));
}

TEST_F(HostileHdf5, SizesThatNoFileHolds) {
    const std::vector<std::vector<hsize_t>> shapes = {{hsize_t(1) << 40, 4},
                                                      {hsize_t(1) << 58, 2},
                                                      {hsize_t(1) << 32, hsize_t(1) << 28},
                                                      {1, hsize_t(1) << 50}};
    for (const auto &dims : shapes) {
        EXPECT_NE(weights(write([&](hid_t id) { dataset(id, "w", dims); })), "no error");
        EXPECT_NE(set(write([&](hid_t id) {
                      group(id, "inputs");
                      dataset(id, "inputs/x", dims);
                  })),
                  "no error");
        EXPECT_NE(activations(write([&](hid_t id) {
                      group(id, "activations");
                      dataset(id, "activations/000000", dims);
                  })),
                  "no error");
    }
}

TEST_F(HostileHdf5, ActivationsThatAreNone) {
    const auto with = [&](const std::vector<hsize_t> &dims, hid_t type) {
        return activations(write([&](hid_t id) {
            group(id, "activations");
            dataset(id, "activations/000000", dims, type);
        }));
    };
    EXPECT_EQ(with({4, 3}, H5T_IEEE_F32LE), "no error");
    EXPECT_THAT(with({4}, H5T_IEEE_F32LE), HasSubstr("rows and channels"));
    EXPECT_THAT(with({}, H5T_IEEE_F32LE), HasSubstr("rows and channels"));
    EXPECT_THAT(with({0, 3}, H5T_IEEE_F32LE), HasSubstr("rows and channels"));
    EXPECT_THAT(with({4, 3}, H5T_STD_I32LE), HasSubstr("rows and channels"));
    EXPECT_THAT(with({4, 3}, H5T_C_S1), HasSubstr("text, compound"));
    const auto axis = [&](const std::string &value) {
        return activations(write([&](hid_t id) {
            group(id, "activations");
            dataset(id, "activations/000000", {4, 3, 2, 2});
            const Hdf5Handle owner(H5Oopen(id, "activations/000000", H5P_DEFAULT), H5Oclose);
            const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose), space(H5Screate(H5S_SCALAR), H5Sclose);
            H5Tset_size(type.get(), value.size());
            const Hdf5Handle attribute(
                H5Acreate2(owner.get(), "channel_axis", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                H5Aclose);
            EXPECT_GE(H5Awrite(attribute.get(), type.get(), value.data()), 0);
        }));
    };
    EXPECT_EQ(axis("1"), "no error");
    EXPECT_EQ(axis("-1"), "no error");
    for (const char *wrong : {"0", "2", "-5", "9223372036854775807", "-9223372036854775808"})
        EXPECT_THAT(axis(wrong), HasSubstr("channel_axis")) << wrong;
}

} // namespace
} // namespace qs
