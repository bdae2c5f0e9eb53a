#ifndef TESSERA_CPKCS11_SHIM_H
#define TESSERA_CPKCS11_SHIM_H

// The part of PKCS #11 (OASIS, version 2.40) that signing needs: types, constants, and calls through the table of functions
// that a module returns. Nothing is linked; the module is opened at run time.

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long tessera_ck_ulong;

typedef struct {
    tessera_ck_ulong type;
    void *value;
    tessera_ck_ulong length;
} tessera_ck_attribute;

typedef struct {
    tessera_ck_ulong mechanism;
    void *parameter;
    tessera_ck_ulong length;
} tessera_ck_mechanism;

/// The beginning of CK_TOKEN_INFO: the label, three more texts and the flags; the rest is never read.
typedef struct {
    unsigned char label[32];
    unsigned char texts[64];
    tessera_ck_ulong flags;
    tessera_ck_ulong rest[64];
} tessera_ck_token_info;

typedef struct {
    void *mutexes[4];
    tessera_ck_ulong flags;
    void *reserved;
} tessera_ck_initialize;

/// CK_FUNCTION_LIST: a version and 68 functions in their order.
typedef struct {
    unsigned char version[2];
    void (*functions[68])(void);
} tessera_ck_functions;

enum {
    TESSERA_CK_INITIALIZE = 0, TESSERA_CK_GET_SLOT_LIST = 4, TESSERA_CK_GET_TOKEN_INFO = 6,
    TESSERA_CK_OPEN_SESSION = 12, TESSERA_CK_CLOSE_SESSION = 13, TESSERA_CK_LOGIN = 18, TESSERA_CK_DESTROY = 22,
    TESSERA_CK_GET_ATTRIBUTES = 24, TESSERA_CK_SET_ATTRIBUTES = 25, TESSERA_CK_FIND_INIT = 26, TESSERA_CK_FIND = 27,
    TESSERA_CK_FIND_FINAL = 28, TESSERA_CK_SIGN_INIT = 42, TESSERA_CK_SIGN = 43, TESSERA_CK_GENERATE_PAIR = 59
};

/// Opens a module and its table of functions; 0 and a table, or why not.
static inline const tessera_ck_functions *tessera_ck_open(const char *path) {
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) return NULL;
    tessera_ck_ulong (*list)(tessera_ck_functions **) =
        (tessera_ck_ulong (*)(tessera_ck_functions **))dlsym(module, "C_GetFunctionList");
    tessera_ck_functions *functions = NULL;
    if (list == NULL || list(&functions) != 0) return NULL;
    return functions;
}

static inline tessera_ck_ulong tessera_ck_start(const tessera_ck_functions *f) {
    // CKF_OS_LOCKING_OK
    tessera_ck_initialize arguments = {{NULL, NULL, NULL, NULL}, 2, NULL};
    return ((tessera_ck_ulong(*)(void *))f->functions[TESSERA_CK_INITIALIZE])(&arguments);
}

static inline tessera_ck_ulong tessera_ck_slots(
    const tessera_ck_functions *f, tessera_ck_ulong *slots, tessera_ck_ulong *count) {
    tessera_ck_ulong (*list)(unsigned char, tessera_ck_ulong *, tessera_ck_ulong *) =
        (tessera_ck_ulong (*)(unsigned char, tessera_ck_ulong *, tessera_ck_ulong *))f->functions[TESSERA_CK_GET_SLOT_LIST];
    // A module looks for devices that have come or gone in a call without a list only (PKCS #11 2.40, section 5.5).
    tessera_ck_ulong there = 0;
    tessera_ck_ulong code = list(1, NULL, &there);
    return code != 0 ? code : list(1, slots, count);
}

static inline tessera_ck_ulong tessera_ck_token(
    const tessera_ck_functions *f, tessera_ck_ulong slot, tessera_ck_token_info *info) {
    return ((tessera_ck_ulong(*)(tessera_ck_ulong, void *))f->functions[TESSERA_CK_GET_TOKEN_INFO])(slot, info);
}

static inline tessera_ck_ulong tessera_ck_session(
    const tessera_ck_functions *f, tessera_ck_ulong slot, tessera_ck_ulong *session) {
    // CKF_SERIAL_SESSION and CKF_RW_SESSION
    return ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_ulong, void *, void *, tessera_ck_ulong *))
                f->functions[TESSERA_CK_OPEN_SESSION])(slot, 6, NULL, NULL, session);
}

static inline tessera_ck_ulong tessera_ck_close(const tessera_ck_functions *f, tessera_ck_ulong session) {
    return ((tessera_ck_ulong(*)(tessera_ck_ulong))f->functions[TESSERA_CK_CLOSE_SESSION])(session);
}

static inline tessera_ck_ulong tessera_ck_login(
    const tessera_ck_functions *f, tessera_ck_ulong session, unsigned char *pin, tessera_ck_ulong length) {
    // CKU_USER
    return ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_ulong, unsigned char *, tessera_ck_ulong))
                f->functions[TESSERA_CK_LOGIN])(session, 1, pin, length);
}

static inline tessera_ck_ulong tessera_ck_attributes(
    const tessera_ck_functions *f, tessera_ck_ulong session, tessera_ck_ulong object, tessera_ck_attribute *list,
    tessera_ck_ulong count) {
    return ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_ulong, tessera_ck_attribute *, tessera_ck_ulong))
                f->functions[TESSERA_CK_GET_ATTRIBUTES])(session, object, list, count);
}

static inline tessera_ck_ulong tessera_ck_set_attributes(
    const tessera_ck_functions *f, tessera_ck_ulong session, tessera_ck_ulong object, tessera_ck_attribute *list,
    tessera_ck_ulong count) {
    return ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_ulong, tessera_ck_attribute *, tessera_ck_ulong))
                f->functions[TESSERA_CK_SET_ATTRIBUTES])(session, object, list, count);
}

static inline tessera_ck_ulong tessera_ck_destroy(
    const tessera_ck_functions *f, tessera_ck_ulong session, tessera_ck_ulong object) {
    return ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_ulong))f->functions[TESSERA_CK_DESTROY])(session, object);
}

static inline tessera_ck_ulong tessera_ck_find(
    const tessera_ck_functions *f, tessera_ck_ulong session, tessera_ck_attribute *list, tessera_ck_ulong count,
    tessera_ck_ulong *objects, tessera_ck_ulong most, tessera_ck_ulong *found) {
    tessera_ck_ulong code =
        ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_attribute *, tessera_ck_ulong))
             f->functions[TESSERA_CK_FIND_INIT])(session, list, count);
    if (code != 0) return code;
    // A module may give fewer at once than there are: none are left where it gives none.
    tessera_ck_ulong more = 0;
    *found = 0;
    do {
        more = 0;
        code = ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_ulong *, tessera_ck_ulong, tessera_ck_ulong *))
                    f->functions[TESSERA_CK_FIND])(session, objects + *found, most - *found, &more);
        if (code == 0) *found += more;
    } while (code == 0 && more > 0 && *found < most);
    ((tessera_ck_ulong(*)(tessera_ck_ulong))f->functions[TESSERA_CK_FIND_FINAL])(session);
    return code;
}

static inline tessera_ck_ulong tessera_ck_sign(
    const tessera_ck_functions *f, tessera_ck_ulong session, tessera_ck_ulong mechanism, tessera_ck_ulong key,
    unsigned char *input, tessera_ck_ulong length, unsigned char *signature, tessera_ck_ulong *room) {
    tessera_ck_mechanism how = {mechanism, NULL, 0};
    tessera_ck_ulong code =
        ((tessera_ck_ulong(*)(tessera_ck_ulong, tessera_ck_mechanism *, tessera_ck_ulong))
             f->functions[TESSERA_CK_SIGN_INIT])(session, &how, key);
    if (code != 0) return code;
    return ((tessera_ck_ulong(*)(
        tessera_ck_ulong, unsigned char *, tessera_ck_ulong, unsigned char *, tessera_ck_ulong *))
                f->functions[TESSERA_CK_SIGN])(session, input, length, signature, room);
}

static inline tessera_ck_ulong tessera_ck_generate(
    const tessera_ck_functions *f, tessera_ck_ulong session, tessera_ck_ulong mechanism,
    tessera_ck_attribute *public_list, tessera_ck_ulong public_count, tessera_ck_attribute *private_list,
    tessera_ck_ulong private_count, tessera_ck_ulong *public_key, tessera_ck_ulong *private_key) {
    tessera_ck_mechanism how = {mechanism, NULL, 0};
    return ((tessera_ck_ulong(*)(
        tessera_ck_ulong, tessera_ck_mechanism *, tessera_ck_attribute *, tessera_ck_ulong, tessera_ck_attribute *,
        tessera_ck_ulong, tessera_ck_ulong *, tessera_ck_ulong *))f->functions[TESSERA_CK_GENERATE_PAIR])(
        session, &how, public_list, public_count, private_list, private_count, public_key, private_key);
}

#endif
