#include <QApplication>
#include <gmock/gmock.h>

/// Main of the tests that need widgets.
int main(int argc, char **argv) {
    QApplication application(argc, argv);
    testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
