// One Vitest for the whole repository, one project for each package.
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

/** Other packages are read from their sources, so that tests need no build. */
const conditions = ["@cotangent/source"];

const project = (name: string, root: string, folder = "src"): TestProjectInlineConfiguration => ({
  extends: true,
  test: {
    name,
    root,
    environment: "node",
    include: [`${folder}/**/*.test.ts`],
    // Errors outside of the type tests are the business of the target `typecheck`.
    typecheck: { enabled: true, include: [`${folder}/**/*.test-d.ts`], ignoreSourceErrors: true },
  },
});

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    // Speed is the benchmarks' subject. A test fails when it hangs, not when it shares the machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      ...["core", "nn", "optim", "data"].map((name) => project(name, `packages/${name}`)),
      project("examples", "apps/examples"),
      project("benchmarks", "apps/benchmarks"),
      project("cotangent", ".", "tools"),
    ],
  },
});
