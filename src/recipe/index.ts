/** Recipes: YAML files that name the stages of a run. */
export type { Stage, StageContext, StagePlan, StageResult } from '../train/stages/stage.ts'
export { parseRecipe, type Recipe, type RecipeStage } from './recipe.ts'
export { type FinishedStage, type PlannedStage, planRecipe, type RunOptions, runRecipe } from './run.ts'
export { stages } from './stages.ts'
