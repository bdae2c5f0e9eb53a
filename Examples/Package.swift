// swift-tools-version: 6.2
// Programs that use Tessera as an application does: from another package, with its default traits.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

func tessera(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "tessera") } }

let package = Package(
    name: "tessera-examples",
    platforms: [.macOS(.v15), .iOS(.v18)],
    dependencies: [
        .package(name: "tessera", path: ".."),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "HelloSession",
            dependencies: tessera("TesseraHummingbird") + [
                .product(name: "Hummingbird", package: "hummingbird")
            ],
            path: "HelloSession",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "RemoteApp",
            dependencies: tessera("TesseraHummingbirdRemote")
                + [
                    .product(name: "Hummingbird", package: "hummingbird"),
                    .product(name: "NIOCore", package: "swift-nio"),
                ],
            path: "RemoteApp",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "WebApp",
            dependencies: tessera(
                "TesseraInProcess", "TesseraHummingbird", "SessionService", "SessionStorage", "InMemoryStorage",
                "SessionEngine") + [
                    .product(name: "Hummingbird", package: "hummingbird"),
                    .product(name: "HTTPTypes", package: "swift-http-types"),
                ],
            path: "WebApp",
            exclude: ["README.md"],
            resources: [.copy("Pages")],
            swiftSettings: settings
        ),
        .systemLibrary(
            name: "CExampleSQLite", path: "CExampleSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
        .executableTarget(
            name: "Accounts",
            dependencies: tessera("TesseraHummingbird") + [
                "CExampleSQLite", .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            path: "Accounts",
            swiftSettings: settings
        ),
        .testTarget(
            name: "AccountsTests",
            dependencies: tessera("TesseraHummingbirdTesting") + ["Accounts"],
            path: "AccountsTests",
            swiftSettings: settings
        ),
        .target(
            name: "NotesKit",
            dependencies: tessera("TesseraClient", "LosslessJSON") + [
                .product(name: "HTTPTypes", package: "swift-http-types")
            ],
            path: "Notes/NotesKit",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "notes",
            dependencies: [
                "NotesKit",
                .product(
                    name: "TesseraClientAsyncHTTP", package: "tessera", condition: .when(platforms: [.linux])),
            ] + tessera("TesseraClient"),
            path: "Notes/notes",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "NotesApp", dependencies: ["NotesKit"] + tessera("TesseraClient"), path: "Notes/NotesApp",
            swiftSettings: settings
        ),
        // The tutorial, file by file as TenMinutes.md prints it.
        .executableTarget(
            name: "Hello",
            dependencies: tessera("TesseraHummingbird") + [.product(name: "Hummingbird", package: "hummingbird")],
            path: "Tutorial/Sources/Hello"
        ),
        .testTarget(
            name: "HelloTests",
            dependencies: tessera("TesseraHummingbirdTesting") + ["Hello"],
            path: "Tutorial/Tests/HelloTests"
        ),
    ]
)
