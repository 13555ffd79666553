if(QS_SANITIZE)
    add_compile_options(-fsanitize=${QS_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${QS_SANITIZE})
endif()
