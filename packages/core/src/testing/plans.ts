// Plans written by hand, with what they must give: every device runs them.

import { loopPlans } from "./loop-plans.ts";
import { otherPlans } from "./other-plans.ts";
import type { PlanCase } from "./plan-case.ts";

export const planCases: readonly PlanCase[] = [...loopPlans, ...otherPlans];
